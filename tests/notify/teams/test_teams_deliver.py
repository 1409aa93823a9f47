"""Teams delivery over HTTP to local webhooks like those of Workflows: one message per notification, none lost."""

from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest

from focuswatch.errors import Refused, TryLater, Unsure
from focuswatch.notify.collect_and_post_slack_and_teams_digests import SECONDS_WITHOUT_CHANGE
from focuswatch.notify.delivery_claims_and_state import LEASE_SECONDS
from focuswatch.notify.teams.parse_teams_secret import TeamsSecret
from tests.fakes.local_teams import seen
from tests.given.explanations import EXPLANATION
from tests.given.incidents import with_critical_finding
from tests.given.one_line_findings import DAY, finding
from tests.given.slack_world import notification
from tests.given.teams_world import SECRET, teams_world

FINDING = finding(team="search")


@pytest.fixture
def world():
    with teams_world() as world:
        yield world


def test_a_message_states_the_finding_its_cost_and_the_action(world):
    """The parts are in this order. A finding without an owner goes to the channel of FinOps."""
    world.deliver(notification(FINDING), notification(finding("nobody")))
    (card,) = world.server.cards("search")
    text = seen(card)
    parts = (
        "A title",
        "346 USD/month in potential savings",
        "111122223333 · US East",
        "A reason",
        "1. An action",
    )
    positions = [text.index(part) for part in parts]
    assert positions == sorted(positions)
    buttons = [action["title"] for action in card["actions"]]
    assert buttons == [
        "Acknowledge",
        "Snooze 7 days",
        "Snooze 30 days",
        "Not waste",
        "Open in the AWS console",
    ]
    assert len(world.server.cards("finops")) == 1 and world.server.failed_runs == []


def test_each_change_is_a_separate_message(world):
    """A webhook cannot edit an earlier message."""
    grown = FINDING.model_copy(update={"monthly_cost": Decimal(2000), "severity": "high"})
    world.deliver(notification(FINDING))
    world.deliver(notification(grown, "changed", number=2))
    world.now += 14 * 86_400
    world.deliver(notification(grown, "reminder", number=3))
    world.deliver(notification(grown, "resolved", number=4))
    first_lines = [seen(card).splitlines()[:3] for card in world.server.cards("search")]
    assert first_lines == [
        [
            "# 🟡 A title",
            "**346 USD/month in potential savings**",
            "111122223333 · US East (N. Virginia), us-east-1",
        ],
        [
            "# 🟠 Changed: A title",
            "**2,000 USD/month in potential savings**",
            "Previously 346 USD/month in potential savings. Severity: high, previously medium.",
        ],
        ["# 🟠 Still open: A title", "**2,000 USD/month in potential savings**", "Open for 14 days."],
        [
            "# ✅ Resolved: A title",
            "**Expected savings: 2,000 USD/month. focuswatch will verify the savings on the bill.**",
            "111122223333 · US East (N. Virginia), us-east-1",
        ],
    ]
    assert "actions" not in world.server.cards("search")[-1]


def test_a_redelivered_message_is_not_posted_twice(world):
    """SQS delivers at least once."""
    world.deliver(notification(FINDING))
    assert world.deliver(notification(FINDING)) == [None]
    assert len(world.server.cards("search")) == 1


@pytest.mark.parametrize("fault", ["dropped", "silent"])
def test_a_message_is_posted_again_after_a_lost_response(world, fault):
    """A webhook cannot tell whether the message arrived, and a lost notification is worse than a duplicate."""
    world.read_seconds = 0.3 if fault == "silent" else world.read_seconds
    world.server.faults.queued = [fault]
    with pytest.raises(Unsure, match="teams:search: no response"):
        world.deliver(notification(FINDING))
    world.now += LEASE_SECONDS + 1
    assert world.deliver(notification(FINDING))[0].endswith("posted (possibly twice) in teams:search")
    assert len(world.server.cards("search")) == 2


def test_a_rate_limit_pauses_all_functions(world):
    """The second delivery sends no request."""
    world.server.faults.queued, world.server.faults.retry_after = ["limited"], "90"
    for _ in range(2):
        with pytest.raises(TryLater) as limited:
            world.deliver(notification(FINDING))
    assert limited.value.seconds > 80 and len(world.server.requests) == 1
    world.now += 91
    world.deliver(notification(FINDING))
    assert len(world.server.cards("search")) == 1


def test_a_webhook_gets_at_most_one_message_a_second(world):
    """Teams accepts four a second and refuses more; the limit of one leaves room for other senders."""
    started = world.now
    world.deliver(*(notification(finding(f"r{number}", team="search")) for number in range(8)))
    assert len(world.server.cards("search")) == 8
    assert world.now - started == 7


def test_a_deleted_workflow_is_refused_without_showing_its_url(world):
    """Anyone who has the URL can post."""
    sender = world.sender()
    world.server.channels.clear()
    with pytest.raises(Refused, match="teams:search: HTTP 404: .*The workflow was not found") as refused:
        sender.send(notification(FINDING), address="search", previous=None, unsure=False)
    assert "sig=abc" not in str(refused.value)
    assert "sig=abc" not in repr(sender.webhooks.secret)


def test_an_address_without_a_webhook_is_refused_with_the_remedy(world):
    """The address is in owners.toml but not in the secret."""
    with pytest.raises(
        Refused,
        match="no webhook for 'other'. Add the webhook under `webhooks` in the secret, or correct the channel",
    ):
        world.sender().send(notification(FINDING), address="other", previous=None, unsure=False)


def test_findings_beyond_the_limit_of_a_team_are_one_digest(world):
    """The digest lists the findings with the highest cost and states how many it omits."""
    deliveries = [
        notification(finding(f"r{number}", team="search", cost=str(100 + number)), in_digest=True)
        for number in range(12)
    ]
    with pytest.raises(TryLater):
        world.deliver(*deliveries)
    world.now += SECONDS_WITHOUT_CHANGE + 1
    world.deliver(*deliveries)
    (card,) = world.server.cards("search")
    lines = seen(card).splitlines()
    assert lines[0] == f"# 12 findings for search as of {DAY}"
    assert lines[1].startswith("🟡 **A title**: 111 USD/month in potential savings, 111122223333 · US East")
    assert lines[-1] == "2 more not shown. To list all findings, run: focuswatch findings"


def test_text_from_a_bill_is_shown_unchanged(world):
    """A TextRun does not interpret markup, dates or mentions."""
    name = "**bold** [x](https://evil.example) <at>everyone</at> {{DATE(2026-01-01T00:00Z)}} \u202eabc\nd"
    world.deliver(notification(FINDING.model_copy(update={"resource_id": name, "reason": name})))
    (card,) = world.server.cards("search")
    runs = [inline for element in card["body"] for inline in element["inlines"]]
    assert {element["type"] for element in card["body"]} == {"RichTextBlock"}
    assert sum("**bold** [x](https://evil.example) <at>everyone</at>" in one["text"] for one in runs) == 2
    assert not any("{{" in one["text"] or "\u202e" in one["text"] or "\n" in one["text"] for one in runs)


@pytest.mark.parametrize("character", ["x", "\\", '"', "é", "😀", "\x00"])
def test_every_message_fits_whatever_the_bill_contains(world, character):
    """The limit is 28 KB in UTF-16, and a workflow that fails to post reports no error."""
    long = FINDING.model_copy(
        update={
            "title": character * 500,
            "reason": character * 5000,
            "action": "\n".join([character * 900] * 30),
            "resource_id": character * 2000,
            "evidence": {f"name{number}{character * 100}": character * 900 for number in range(50)},
            "explanation": EXPLANATION,
        }
    )
    world.deliver(notification(long))
    assert (len(world.server.cards("search")), world.server.failed_runs) == (1, [])


def test_a_security_finding_routed_by_a_tag_has_no_response_buttons(world):
    """An intruder could have set the tag."""
    tagged = finding(team="search", category="security").model_copy(update={"owned_by": "resource tag"})
    world.deliver(notification(tagged))
    (card,) = world.server.cards("search")
    assert [action["title"] for action in card["actions"]] == ["Open in the AWS console"]
    assert "Only the owner of the account can respond" in seen(card)


def test_the_page_of_a_finding_without_account_names_only_its_amount(world):
    """It does not show `None` as the account."""
    world.deliver(notification(finding(team="search", account=None)))
    url = world.server.cards("search")[0]["actions"][0]["url"]
    about = parse_qs(urlsplit(url).query)["about"]
    assert about == ["A title: 346 USD/month in potential savings"]


def test_a_message_shows_the_highest_severity_of_its_incident(world):
    """The Slack message and the Jira issue show the same severity."""
    lead = with_critical_finding(FINDING)
    world.deliver(notification(FINDING), notification(lead, "changed", number=2))
    world.deliver(notification(lead, "reminder", number=3))
    _, changed, reminder = map(seen, world.server.cards("search"))
    assert changed.startswith("# 🔴 Changed")
    assert reminder.startswith("# 🔴 Still open")
    assert "critical · first seen" in reminder


def test_a_change_of_the_severity_is_that_of_the_incident(world):
    """The severity of the lead itself stays medium."""
    lead = with_critical_finding(FINDING)
    world.deliver(notification(lead))
    alone = FINDING.model_copy(update={"monthly_cost": Decimal(800)})
    world.deliver(notification(alone, "changed", number=2))
    assert "Severity: medium, previously critical." in seen(world.server.cards("search")[-1])


def test_links_expire_after_the_reminder(world):
    """The reminder has new links."""
    world.deliver(notification(FINDING))
    url = world.server.cards("search")[0]["actions"][0]["url"]
    until = int(url.partition("until=")[2].partition("&")[0])
    assert timedelta(days=14) < timedelta(seconds=until - world.now) < timedelta(days=16)


@pytest.mark.parametrize(
    "secret",
    ["", "[]", '{"webhooks": {}}', '{"webhooks": {"a": "http://example.com"}, "signing_secret": "s3cr3t"}'],
)
def test_a_malformed_secret_is_refused_without_showing_it(secret):
    """The error message is logged."""
    with pytest.raises(Refused, match="does not have the format") as refused:
        TeamsSecret.read(secret)
    assert "s3cr3t" not in str(refused.value) and "example.com" not in str(refused.value)


def test_a_secret_never_shows_in_a_repr(world):
    """A traceback can show reprs."""
    assert SECRET not in repr(world.sender())
