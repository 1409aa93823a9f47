"""Messages fit Slack's limits and contain no markup from a bill, whatever the bill contains."""

import html
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.findings.fill_action_with_safe_commands import action_of
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_from_row import to_finding
from focuswatch.notify import place_and_owner_names
from focuswatch.notify.digest_line import DigestLine
from focuswatch.notify.one_line_and_truncated_text import truncate
from focuswatch.notify.place_and_owner_names import region
from focuswatch.notify.slack.block_kit_elements import MESSAGE_CHARACTERS, size
from focuswatch.notify.slack.combined_message_for_many_findings import render_digest
from focuswatch.notify.slack.escape_and_shorten_slack_text import escaped_within
from focuswatch.notify.slack.finding_message import Links, RecordedResponse, render_message
from focuswatch.notify.slack.incoming_webhook import webhook_payload
from focuswatch.notify.slack.render_mute_reason_dialog import render_not_waste_dialog
from focuswatch.notify.slack.thread_reply_text import render_thread_reply
from tests.fakes.slack_as_text import seen
from tests.fakes.slack_rules import blocks_problems, metadata_problem, too_long, units, view_problems
from tests.given.hostile_names import FAMILY, HOSTILE_NAMES
from tests.given.incidents import with_critical_finding
from tests.given.one_line_findings import DAY, finding, saving_of
from tests.given.slack_block_elements import elements

INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2060-\u2064\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\u00ad]"
)
ACTION = "1. Look: aws ec2 describe-volumes --volume-ids {text} --region {region_id}\n2. {text}"
RESPONSE = RecordedResponse("not waste", "U0ANNA", DAY, until=DAY, reason="it is a standby")
LINKS = Links("https://a.example/q", "https://b.example/j", "ML-1", "https://c.example/c")
BUTTONS = ("Acknowledge", "Snooze 7 days", "Snooze 30 days", "Not waste", "Expected")
KINDS = ("new", "changed", "resolved", "reminder")


def finding_with_names(text: str, *, category: str = "waste") -> Finding:
    """Return a finding whose every name that can come from a bill or its side files is `text`."""
    return finding(cost="1e15").model_copy(
        update={
            "category": category,
            "resource_id": text,
            "sub_account_name": text,
            "sub_account_id": text,
            "region_id": text,
            "service_name": text,
            "team": text,
            "title": text,
            "reason": f"{text} costs",
            "currency": text,
            "action": action_of(ACTION, {"text": text, "region_id": text}, words={"text": text}),
            "evidence": {
                "name": text,
                "many": [text] * 40,
                "tags": {text: text, "b": text},
                "map": {text: text},
            }
            | {f"column_{number}": text for number in range(30)},
        }
    )


def message_of(one: Finding, **options: Any) -> dict[str, Any]:
    return render_message(one, **{"kind": "new", "today": DAY, "notification_id": "n-1", **options})


def digest_line(
    text: str, *, cost: str = "5", category: str = "waste", currency: str = "USD", title: str = ""
) -> DigestLine:
    return DigestLine("f", title or text, Decimal(cost), currency, text, text, text, "high", category)


def every_payload(text: str) -> Iterator[dict[str, Any]]:
    """Yield every kind of message, of findings whose every name is `text`."""
    for category in ("waste", "security", "anomaly", "governance"):
        one = finding_with_names(text, category=category)
        for kind in KINDS:
            for options in ({}, {"response": RESPONSE, "links": LINKS, "blind_spots": [text] * 20}):
                yield message_of(one, kind=kind, **options)
            yield render_thread_reply(
                one, kind=kind, today=DAY, notification_id="n-1", before=finding_with_names("was")
            )
    yield render_digest([digest_line(text)] * 80, team=text, as_of=DAY, max_lines=60)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_every_message_fits_slack_whatever_the_bill_contains(name):
    """Every kind of message keeps every limit, and has a text for push notifications."""
    for payload in every_payload(HOSTILE_NAMES[name]):
        assert not blocks_problems(payload["blocks"])
        assert not too_long(payload["blocks"]) and size(payload["blocks"]) <= MESSAGE_CHARACTERS
        assert 0 < units(payload["text"]) <= 4000
        assert "metadata" not in payload or not metadata_problem(payload["metadata"])
    modal = render_not_waste_dialog(
        "f" * 20, title=HOSTILE_NAMES[name], channel="C00000001", ts="1780000000.000001"
    )
    assert not view_problems(modal)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_data_is_never_markup_and_never_a_mention(name):
    """Rich text has only text elements, links of focuswatch and the responder; other text is escaped."""
    for payload in every_payload(HOSTILE_NAMES[name]):
        assert not re.search("[<>]", payload["text"])
        for one in elements(payload["blocks"]):
            assert one.get("type") not in ("mrkdwn", "broadcast", "channel", "usergroup", "emoji")
            if one.get("type") == "plain_text" and not one["text"].isalnum():
                assert one.get("emoji") is False or one["text"] in BUTTONS
                assert not re.search("[<>]|&(?!amp;|lt;|gt;)", one["text"])
            if one.get("type") == "link":
                assert one["url"] in (LINKS.query, LINKS.jira, LINKS.console)
            if one.get("type") == "user":
                assert one["user_id"] == RESPONSE.author


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_messages_have_no_invisible_characters(name):
    """No character reverses the direction of text, and no character without width is copied with a command."""
    for payload in every_payload(HOSTILE_NAMES[name]):
        assert not INVISIBLE.search(json.dumps(payload, ensure_ascii=False).replace("\\n", ""))
        assert "\n" not in payload["text"]
        for one in elements(payload["blocks"]):
            assert "\n" not in str(one.get("text", "")) or one["text"] == "\n", "a name starts a new line"


@pytest.mark.parametrize(
    "name", ["lines", "shell", "markup", "mention of all", "turned", "widthless", "quotes"]
)
def test_a_name_with_special_characters_is_in_no_command(name):
    """A command with characters that a shell interprets is shown, but not offered to copy."""
    payload = message_of(finding_with_names(HOSTILE_NAMES[name]))
    assert not [one for one in elements(payload["blocks"]) if one.get("type") == "rich_text_preformatted"]
    codes = [one["text"] for one in elements(payload["blocks"]) if one.get("style") == {"code": True}]
    assert len(codes) == 1, "only the name of the resource"
    assert "(no command: the text contains characters that a shell" in seen(payload)


def copyable_code(payload: dict[str, Any]) -> list[str]:
    """Return the text that a person can copy as code."""
    blocks = [one for one in elements(payload["blocks"]) if one.get("type") == "rich_text_preformatted"]
    inline = [one["text"] for one in elements(payload["blocks"]) if one.get("style") == {"code": True}]
    return [block["elements"][0]["text"] for block in blocks] + inline


@pytest.mark.parametrize(
    "name",
    ["a aws s3api delete-bucket --bucket all", "a\n   aws s3api delete-bucket --bucket all", "(aws s3 ls)"],
)
def test_a_command_within_a_name_cannot_be_copied(name):
    """Neither within a step, nor on a line that a line feed in the name starts."""
    action = action_of("1. Ask {owner}", {"owner": name}, words={"owner": name})
    one = finding().model_copy(update={"action": action, "resource_id": None})
    assert not copyable_code(message_of(one))
    assert copyable_code(message_of(one.model_copy(update={"action": f"1. Ask {name}"}))), (
        "the same text outside a name is a command"
    )


@pytest.mark.parametrize("end", ["$x", "`id`", "|sh", "&&", "\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_the_start_of_a_command_cannot_be_copied(end):
    """A value that continues with another kind of character leaves nothing to copy."""
    one = finding().model_copy(
        update={"resource_id": None, "action": f"1. aws ec2 delete-volume --volume-id v{end}"}
    )
    assert not copyable_code(message_of(one))


def test_long_steps_end_in_an_ellipsis():
    """Lines are shown while there is room; the first one is shown even if it is too long."""
    many = message_of(finding().model_copy(update={"action": "\n".join(f"{n}. Do" for n in range(1000))}))
    assert re.search("\n4[0-9]. Do\n…\n", seen(many)) and size(many["blocks"]) < MESSAGE_CHARACTERS
    assert "1. xxx" in seen(message_of(finding().model_copy(update={"action": "1. " + "x" * 9000})))


def test_blocks_that_do_not_fit_are_omitted_with_the_action_last():
    """Known limitations are omitted first, then evidence, then links."""
    evidence = {f"column_{number}": "\\" * 160 for number in range(8)}
    full = {"evidence": evidence, "reason": '"' * 900}
    for lines, remaining in (
        (0, {"Known limitations", "Evidence", "Jira"}),
        (4, {"Evidence", "Jira"}),
        (9, {"Jira"}),
    ):
        one = finding().model_copy(update={**full, "action": "\n".join(['"' * 250] * lines)})
        payload = message_of(one, links=LINKS, blind_spots=['"' * 300] * 3)
        assert {
            word for word in ("Known limitations", "Evidence", "Jira") if word in seen(payload)
        } == remaining
        assert "What to do" in seen(payload) and size(payload["blocks"]) <= MESSAGE_CHARACTERS


def test_commands_are_complete_code_blocks():
    """A command that ends its sentence is a code block, another one is inline code, and prose is unchanged."""
    look, list_all = (
        "aws ec2 describe-volumes --volume-ids v-1 --region eu-west-1",
        "aws s3api list-buckets --output json",
    )
    steps = f"1. Look: {look}\n2. List ({list_all}), then stop."
    blocks = message_of(finding().model_copy(update={"action": steps, "resource_id": None}))["blocks"]
    code_blocks = [one for one in elements(blocks) if one.get("type") == "rich_text_preformatted"]
    assert [one["elements"][0]["text"] for one in code_blocks] == [look]
    assert f"2. List (`{list_all}`), then stop." in seen({"blocks": blocks})


@pytest.mark.parametrize("detection", Catalog.load().detections)
def test_commands_of_the_catalog_are_complete(detection):
    """No option of a command is left outside the text that a person can copy."""
    action = re.sub(r"\{\w+\}", "word", Catalog.load().detection(detection).header.action)
    text = seen(message_of(finding().model_copy(update={"action": action})))
    assert "--" not in re.sub(r"`[^`]*`|^    .*$", "", text, flags=re.MULTILINE)
    assert text.count("aws ") == action.count("aws ")


@pytest.mark.parametrize("kind", KINDS)
def test_resolved_finding_has_no_buttons(kind):
    """It has no steps either; any other message has both."""
    types = [block["type"] for block in message_of(finding(), kind=kind)["blocks"]]
    assert ("actions" in types) == (kind != "resolved")
    assert ("What to do" in seen(message_of(finding(), kind=kind))) == (kind != "resolved")
    gone = finding().model_copy(update={"status": "resolved"})
    assert "actions" not in [block["type"] for block in message_of(gone, kind=kind)["blocks"]]


@pytest.mark.parametrize(
    "action, remaining",
    [
        (None, ["acknowledge", "snooze_7", "snooze_30", "not_waste"]),
        ("acknowledged", ["snooze_7", "snooze_30", "not_waste"]),
        ("snoozed", []),
        ("not waste", []),
    ],
)
def test_response_is_shown_and_removes_buttons(action, remaining):
    """The response has its end date and reason; each button contains the fingerprint of the finding."""
    response = action and RecordedResponse(
        action, "U0ANNA", DAY, until=DAY + timedelta(days=7), reason="a *standby*"
    )
    payload = message_of(finding(), response=response)
    buttons = [one for one in elements(payload["blocks"]) if one.get("type") == "button"]
    assert [one["action_id"] for one in buttons] == remaining
    assert {one["value"] for one in buttons} <= {finding().fingerprint}
    shown = "Marked as not waste" if action == "not waste" else str(action).capitalize()
    status_line = f"*{shown}* by @U0ANNA on {DAY} until 2026-04-07: a *standby*" if action else "What to do"
    assert status_line in seen(payload)


@pytest.mark.parametrize("category, label", [("waste", "Not waste"), ("security", "Expected")])
def test_button_of_a_security_finding_says_expected(category, label):
    """An intrusion cannot be called waste."""
    assert f"[{label}]" in seen(message_of(finding().model_copy(update={"category": category})))


def test_accounts_and_regions_have_names():
    """The names are those of AWS, followed by the ID that commands need; an unknown Region has only its ID."""
    one = finding().model_copy(update={"sub_account_name": "search-dev"})
    assert "search-dev (111122223333) · US East (N. Virginia), us-east-1" in seen(message_of(one))
    assert region("us-gov-west-1") == "AWS GovCloud (US-West), us-gov-west-1"
    assert (region("mars-1"), region("global"), region(None)) == ("mars-1", "global", None)


def test_region_without_botocore_is_its_id(monkeypatch):
    """botocore is installed only with the extra `aws`."""

    def missing(package: str) -> None:
        raise ModuleNotFoundError(package)

    place_and_owner_names._names.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(place_and_owner_names, "files", missing)
        assert region("us-east-1") == "us-east-1"
    place_and_owner_names._names.cache_clear()
    assert region("us-east-1") == "US East (N. Virginia), us-east-1"


def test_evidence_omits_what_the_reason_contains():
    """It shows few columns and the first values of a list, without values in the reason, empty values and settings."""
    evidence = {
        "said": "on ml.g5.2xlarge",
        "lookback_days": 7,
        "none": None,
        "instance_ids": [f"i-{n}" for n in range(15)],
        "first_day": "2026-03-01",
        "last_day": "2026-03-07",
        "idle": True,
        "gpu_hours": 1234.5,
        "tags": {"team": "search"},
    }
    text = seen(
        message_of(finding().model_copy(update={"reason": "ran on ml.g5.2xlarge", "evidence": evidence}))
    )
    assert text.split("*Evidence*\n")[1].split("\n\n")[0].splitlines() == [
        "• instance IDs: i-0, i-1, i-2 and 12 more",
        "• days: 2026-03-01 to 2026-03-07",
        "• idle: yes",
        "• GPU hours: 1,234",
        "• tags: team=search",
    ]
    assert "Evidence" not in seen(message_of(finding()))
    many = {f"column_{number}": number for number in range(12)}
    assert "• column 6: 6\n• and 5 more\n" in seen(
        message_of(finding().model_copy(update={"evidence": many}))
    )


def test_shortened_evidence_states_the_total():
    """The total is that of the query, not that of the values stored in the finding."""
    row = {
        "sub_account_id": "1",
        "region_id": "r",
        "resource_id": None,
        "monthly_cost": 1.0,
        "ocu_hours": 1.0,
        "because": "the account made no Bedrock calls",
    }
    row |= {"ids": [f"i-{number}" for number in range(20_000)], "counts": {str(one): 1 for one in range(500)}}
    detection = Catalog.load().detection("orphaned_opensearch_collection")
    cut_short = to_finding(
        row | {"lookback_days": 7}, detection=detection, as_of=DAY, currency="USD", account_names={}
    )
    shown = seen(message_of(cut_short))
    assert "IDs: i-0, i-1, i-2 and 19,997 more" in shown
    assert "counts: 0 1, 1 1, 2 1 and 497 more" in shown


def test_reminder_states_age_and_cost_so_far():
    """Waste costs more every day; a charge that occurred once does not."""
    today = DAY + timedelta(days=14)
    assert "open for 14 days, since 2026-03-31" in seen(message_of(finding(), today=today))
    reply = render_thread_reply(finding(cost="300"), kind="reminder", today=today, notification_id="n")
    assert reply["text"].startswith("Still open after 14 days; cost so far: about 140 USD")
    burst = finding(cost="300").model_copy(update={"category": "security"})
    assert (
        "so far" not in render_thread_reply(burst, kind="reminder", today=today, notification_id="n")["text"]
    )


def test_reply_states_the_severity_of_the_incident():
    """The message above the reply shows the same severity."""
    lead = with_critical_finding(finding())
    alone = render_thread_reply(
        finding(cost="900"), kind="changed", today=DAY, notification_id="n", before=lead
    )
    assert "Severity: medium, previously critical." in alone["text"]
    unknown = render_thread_reply(lead, kind="changed", today=DAY, notification_id="n")
    assert "Severity: critical." in unknown["text"]


def test_change_states_old_and_new_values():
    """The reply has amount and severity; without the previous finding, only the new values."""
    before, now = finding(cost="50"), finding(cost="1500")
    reply = render_thread_reply(now, kind="changed", today=DAY, notification_id="n", before=before)["text"]
    assert (
        reply == "1,500 USD/month in potential savings (previously 50.00 USD/month). "
        "Severity: high, previously low."
    )
    assert (
        render_thread_reply(now, kind="changed", today=DAY, notification_id="n")["text"]
        == "The amount is now 1,500 USD/month in potential savings. Severity: high."
    )


@pytest.mark.parametrize(
    "saved, text",
    [
        (None, "Expected savings: 346 USD/month. focuswatch will verify the savings on the bill."),
        ("11.52", "Verified on the bill: 11.52 USD/day saved since 2026-03-31."),
        (
            "8",
            "Verified on the bill: 8.00 USD/day saved since 2026-03-31. Expected savings: 11.52 USD/day; still "
            "charged: "
            "3.52 USD/day.",
        ),
        (
            "0",
            "The bill shows no savings since 2026-03-31: the cost is still 11.52 USD/day (2026-04-02 to 2026-04-04). "
            "Expected savings: 11.52 USD/day.",
        ),
    ],
)
def test_resolved_finding_states_its_savings(saved, text):
    """Both the message and the reply in its thread state them."""
    resolved = finding()
    if saved is not None:
        resolved = resolved.model_copy(update={"verified_saving": saving_of(resolved, saved=saved)})
    kind = "resolved" if saved is None else "saving_verified"
    options = {"kind": kind, "today": DAY, "notification_id": "n"}
    assert (
        text in seen(render_message(resolved, **options))
        and text in render_thread_reply(resolved, **options)["text"]
    )


def test_message_has_metadata_to_find_it():
    """Fingerprint, incident and notification; only the message has the status, which replies do not change."""
    expected = {
        "fingerprint": finding().fingerprint,
        "incident": finding().fingerprint,
        "news_id": "n-1",
    }
    message = message_of(finding())["metadata"]
    reply = render_thread_reply(finding(), kind="reminder", today=DAY, notification_id="n-1")["metadata"]
    assert message["event_type"] == reply["event_type"] == "focuswatch_finding"
    assert message["event_payload"] == {**expected, "status": "new"}
    assert reply["event_payload"] == expected


def test_missing_links_are_omitted():
    """There is no empty row, and a link that is too long for Slack is omitted."""
    assert "<" not in seen(message_of(finding()))
    assert "<Jira ML-1> · <Open the query in Athena>" in seen(message_of(finding(), links=LINKS))
    assert "<Jira>" not in seen(message_of(finding(), links=Links(jira="https://a.example/" + "x" * 3000)))


def test_webhook_payload_has_no_buttons_and_no_metadata():
    """An incoming webhook accepts neither."""
    payload = message_of(finding())
    webhook = webhook_payload(payload)
    assert set(webhook) == {"text", "blocks"}
    assert [block for block in payload["blocks"] if block["type"] != "actions"] == webhook["blocks"]


def test_digest_sums_only_amounts_of_one_kind():
    """Currencies and kinds of amounts are summed separately; the highest cost is first."""
    lines = [
        digest_line("a", cost="10", title="T"),
        digest_line("b", cost="20", title="T"),
        digest_line("c", cost="5", currency="EUR", title="T"),
        digest_line("d", cost="99", category="security", title="S"),
    ]
    text = seen(render_digest(lines, team="ml", as_of=DAY, max_lines=2))
    assert "# 4 findings for ml: 30.00 USD and 5.00 EUR/month in potential savings" in text
    assert (
        "• *T* (3 findings): 30.00 USD and 5.00 EUR/month in potential savings\n" in text
        and "• *S* (1 finding): 99.00 USD charged" in text
    )
    assert re.findall(r"• ([\d.]+) USD\S*[a-z ]+ · high · (\w)", text) == [("99.00", "d"), ("20.00", "b")]
    kinds = seen(
        render_digest([digest_line("a", title=f"T{number}") for number in range(13)], team="ml", as_of=DAY)
    )
    assert (
        "and 3 other types of findings" in kinds and len(re.findall(r"\*T\d+\* \(1 finding\)", kinds)) == 10
    )
    assert "and 2 more" in text and "1 finding without an owner" in seen(
        render_digest(lines[:1], team=None, as_of=DAY)
    )


def test_dialog_has_the_message_in_its_metadata():
    """The submission of the dialog contains the channel and the timestamp of the message."""
    view = render_not_waste_dialog("f1", title="A title", channel="C1", ts="1.2")
    assert json.loads(view["private_metadata"]) == {"fingerprint": "f1", "channel": "C1", "ts": "1.2"}
    assert (view["callback_id"], view["blocks"][1]["element"]["min_length"]) == ("not_waste", 5)


@pytest.mark.parametrize("limit", range(2, 30))
def test_text_is_cut_between_visible_characters(limit):
    """A joined emoji, an accented letter, a skin tone and an HTML entity stay whole."""
    for text in (FAMILY * 5, "e\u0301" * 20, "\N{THUMBS UP SIGN}\U0001f3fd" * 9, "&" * 40):
        shortened = truncate(text, limit)
        assert units(shortened) <= limit and shortened.endswith("…")
        whole = FAMILY if text.startswith(FAMILY) else text[:2] if text[1] != "&" else "&"
        assert shortened[:-1] == whole * (len(shortened[:-1]) // len(whole))
        escaped = escaped_within(text, limit)
        assert units(escaped) <= limit and not re.search("&(?!amp;)", escaped)
        assert text.startswith(html.unescape(escaped).removesuffix("…"))


def test_age_is_never_negative():
    """A finding can be newer than the day of the message."""
    assert "first seen" in seen(message_of(finding(), today=date(2020, 1, 1)))


def test_next_budget_step_states_the_reason():
    """The cost does not explain the step; it may even have fallen."""
    reason = "use case tutor is over budget on the 29th: 1,700 of 2,000 USD (85.00 %) are spent."
    budget_finding = finding(
        "use case tutor", cost="90", detection="budget_pace", category="governance"
    ).model_copy(update={"reason": reason, "evidence": {"reached_percent": 85.0}})
    reply = render_thread_reply(
        budget_finding, kind="changed", today=DAY, notification_id="n", before=budget_finding
    )
    assert reason in reply["text"]
    assert (
        "A reason"
        not in render_thread_reply(
            finding(), kind="changed", today=DAY, notification_id="n", before=finding()
        )["text"]
    )
