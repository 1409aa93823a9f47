"""The local Slack behaves as documented, tested with Slack's own client."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.webhook import WebhookClient

from tests.fakes.local_slack import LocalSlack, local_slack
from tests.fakes.slack_messages import BOT, Channel
from tests.fakes.slack_rules import blocks_problems, view_problems
from tests.fakes.waiting import patience

ANNA, BEN = "U0ANNA", "U0BEN"
BUTTON = {
    "type": "button",
    "action_id": "snooze_7",
    "text": {"type": "plain_text", "text": "Snooze"},
    "value": "f1",
}
BLOCKS = [
    {"type": "header", "text": {"type": "plain_text", "text": "A title"}},
    {"type": "actions", "elements": [BUTTON]},
]
METADATA = {"event_type": "focuswatch_finding", "event_payload": {"fingerprint": "f1", "news_id": "f1-1"}}
VIEW = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Why?"},
    "submit": {"type": "plain_text", "text": "Save"},
    "private_metadata": "{}",
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "reason"},
        }
    ],
}


class Clock:
    """A clock in seconds since 1970 that a test advances."""

    def __init__(self) -> None:
        self.now = 1_780_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slack(clock: Clock) -> Iterator[LocalSlack]:
    with local_slack(clock=clock, burst=50) as running:
        yield running


@pytest.fixture
def team(slack: LocalSlack) -> Channel:
    return slack.workspace.channel("#team", members=[ANNA])


def client(slack: LocalSlack, *, token: str | None = None, timeout: int = 5) -> WebClient:
    return WebClient(
        token or slack.token, base_url=slack.api, timeout=round(patience(timeout)), retry_handlers=[]
    )


def refused(call, *args, **kwargs) -> str:
    """Return the error with which Slack refuses a call."""
    with pytest.raises(SlackApiError) as error:
        call(*args, **kwargs)
    return str(error.value.response["error"])


def test_message_is_stored_as_sent(slack, team):
    """Text, blocks and metadata are stored; a channel is addressed by its id or its name."""
    web = client(slack)
    ts = web.chat_postMessage(channel=team.id, text="A title", blocks=BLOCKS, metadata=METADATA)["ts"]
    assert web.auth_test()["user_id"] == BOT
    stored = team.messages[ts]
    assert (stored.text, stored.blocks, stored.metadata) == ("A title", BLOCKS, METADATA)
    assert web.chat_postMessage(channel="#team", text="by name")["channel"] == team.id


def test_json_and_form_bodies_are_equivalent(slack, team):
    """The Web API accepts both content types; in a form, blocks are JSON text."""
    for kind, body in (
        ("application/json", json.dumps({"channel": team.id, "text": "x", "blocks": BLOCKS}).encode()),
        (
            "application/x-www-form-urlencoded",
            f"channel={team.id}&text=x&blocks={json.dumps(BLOCKS)}".encode(),
        ),
    ):
        headers = {"Content-Type": kind, "Authorization": f"Bearer {slack.token}"}
        request = urllib.request.Request(slack.api + "chat.postMessage", body, headers)
        assert json.load(urllib.request.urlopen(request))["ok"]
    assert [one.blocks for one in team.shown] == [BLOCKS, BLOCKS]


@pytest.mark.parametrize("token, error", [("xoxb-other", "invalid_auth"), ("", "not_authed")])
def test_wrong_token_is_refused(slack, team, token, error):
    """Nothing is posted."""
    web = client(slack, token=token or " ")
    assert refused(web.chat_postMessage, channel=team.id, text="x") == error
    assert not team.messages


def test_channel_permissions_are_checked(slack):
    """Unknown, archived, and not invited; a private channel without invitation is not visible."""
    web, add = client(slack), slack.workspace.channel
    assert refused(web.chat_postMessage, channel="C0NONE", text="x") == "channel_not_found"
    assert refused(web.chat_postMessage, channel=add("#old", archived=True).id, text="x") == "is_archived"
    assert refused(web.chat_postMessage, channel=add("#far", invited=False).id, text="x") == "not_in_channel"
    hidden = add("#hid", invited=False, private=True)
    assert refused(web.chat_postMessage, channel=hidden.id, text="x") == "channel_not_found"
    assert refused(web.conversations_history, channel=hidden.id) == "channel_not_found"


@pytest.mark.parametrize(
    "body, error",
    [
        ({"text": ""}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "divider", "txt": 1}, {"type": "actions", "elements": [BUTTON] * 2}]},
         "invalid_blocks"),
        ({"text": "x", "blocks": "not json"}, "invalid_blocks_format"),
        ({"text": "x", "metadata": {"event_type": "a b", "event_payload": {}}}, "invalid_metadata_format"),
        ({"text": "x", "metadata": {"event_type": "a", "event_payload": {"a": "x" * 5000}}}, "metadata_too_large"),
        ({"text": "x", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}] * 5},
         "msg_blocks_too_long"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:The top-level `text`")
def test_invalid_message_is_refused(slack, team, body, error):
    """Nothing is posted."""
    assert refused(client(slack).chat_postMessage, channel=team.id, **body) == error
    assert not team.messages


def element(kind: str, **fields: object) -> dict[str, object]:
    return {"type": kind, **fields}


def plain(length: int) -> dict[str, object]:
    return element("plain_text", text="x" * length)


def button(**fields: object) -> dict[str, object]:
    return element("actions", elements=[{**BUTTON, **fields}])


@pytest.mark.parametrize(
    "limit, build",
    [
        (150, lambda n: element("header", text=plain(n))),
        (3000, lambda n: element("section", text=plain(n))),
        (2000, lambda n: element("section", fields=[plain(n)])),
        (10, lambda n: element("section", fields=[plain(1)] * n)),
        (10, lambda n: element("context", elements=[plain(1)] * n)),
        (25, lambda n: element("actions", elements=[{**BUTTON, "action_id": str(one)} for one in range(n)])),
        (75, lambda n: button(text=plain(n))),
        (2000, lambda n: button(value="x" * n)),
        (255, lambda n: button(action_id="x" * n)),
        (255, lambda n: element("divider", block_id="x" * n)),
        (75, lambda n: button(text=element("plain_text", text="\N{PILE OF POO}" * (n // 2) + "x" * (n % 2)))),
    ],
)
def test_limits_of_blocks_match_those_of_slack(limit, build):
    """The maximum is accepted and one more is refused; an emoji counts as two characters."""
    assert not blocks_problems([build(limit)])
    assert len(blocks_problems([build(limit + 1)])) == 1


@pytest.mark.parametrize(
    "limit, build",
    [
        (24, lambda n: {"title": plain(n)}),
        (24, lambda n: {"submit": plain(n)}),
        (3000, lambda n: {"private_metadata": "x" * n}),
        (255, lambda n: {"callback_id": "x" * n}),
        (100, lambda n: {"blocks": [element("divider")] * n}),
        (2000, lambda n: {"blocks": [{**VIEW["blocks"][0], "label": plain(n)}]}),
    ],
)
def test_limits_of_a_dialog_match_those_of_slack(limit, build):
    """The maximum is accepted and one more is refused."""
    assert not view_problems({**VIEW, **build(limit)})
    assert len(view_problems({**VIEW, **build(limit + 1)})) == 1


@pytest.mark.parametrize(
    "block",
    [
        element("header", text=element("mrkdwn", text="x")),
        element("section"),
        element("section", text=plain(0)),
        element("section", text=plain(1), txet=1),
        element("section", text={**plain(1), "verbatim": True}),
        element("context", elements=[]),
        element("input", label=plain(1), element=element("plain_text_input")),
        button(style="loud"),
        element("rich_text", elements=[element("rich_text_section", elements=[element("text", text="")])]),
        element(
            "rich_text",
            elements=[
                element("rich_text_section", elements=[element("text", text="x", style={"big": True})])
            ],
        ),
        element(
            "rich_text", elements=[element("rich_text_section", elements=[element("user", user_id="anna")])]
        ),
        element(
            "rich_text",
            elements=[element("rich_text_section", elements=[element("link", url="javascript:x")])],
        ),
        element("rich_text", elements=[element("rich_text_list", elements=[])]),
        element("rich_text", elements=[element("text", text="x")]),
        element("section", text=element("mrkdwn", text="\ud83d")),
    ],
)
def test_malformed_block_is_refused(block):
    """Wrong types, empty texts, misspelled keys, and misplaced elements."""
    assert blocks_problems([block])


def test_update_replaces_the_content(slack, team):
    """Metadata is kept unless the update has its own; an update with only text removes the blocks."""
    web = client(slack)
    ts = web.chat_postMessage(channel=team.id, text="1", blocks=BLOCKS, metadata=METADATA)["ts"]
    web.chat_update(channel=team.id, ts=ts, text="2", blocks=BLOCKS[:1])
    assert (team.messages[ts].text, team.messages[ts].blocks, team.messages[ts].metadata) == (
        "2",
        BLOCKS[:1],
        METADATA,
    )
    web.chat_update(channel=team.id, ts=ts, text="3")
    assert (team.messages[ts].blocks, team.messages[ts].edits) == ([], 2)
    assert refused(web.chat_update, channel=team.id, ts="1.000001", text="x") == "message_not_found"
    message_of_anna = slack.workspace.posted(team, {"text": "hers"}, user=ANNA)
    assert refused(web.chat_update, channel=team.id, ts=message_of_anna.ts, text="x") == "cant_update_message"


def test_deleted_message_is_gone(slack, team):
    """It is not in the history and cannot be deleted again, but a test can see that it existed."""
    web = client(slack)
    ts = web.chat_postMessage(channel=team.id, text="1")["ts"]
    web.chat_delete(channel=team.id, ts=ts)
    assert refused(web.chat_delete, channel=team.id, ts=ts) == "message_not_found"
    assert not web.conversations_history(channel=team.id)["messages"] and team.messages[ts].deleted


def test_history_is_newest_first_and_paged(slack, team, clock):
    """`oldest` is exclusive, metadata is returned on request, and cursors reach every message once."""
    web = client(slack)
    times = []
    for number in range(5):
        clock.now += 10
        times.append(web.chat_postMessage(channel=team.id, text=str(number), metadata=METADATA)["ts"])
    arguments = {"oldest": times[0], "limit": 3, "include_all_metadata": True}
    pages = [
        ([one["text"] for one in page["messages"]], page["has_more"], page["messages"][0]["metadata"])
        for page in web.conversations_history(channel=team.id, **arguments)
    ]
    assert pages == [(["4", "3", "2"], True, METADATA), (["1"], False, METADATA)]
    single_message = web.conversations_history(
        channel=team.id, oldest=times[0], latest=times[0], inclusive=True
    )
    assert [one["text"] for one in single_message["messages"]] == ["0"] and "metadata" not in single_message[
        "messages"
    ][0]


def test_thread_belongs_to_its_message(slack, team):
    """Replies are read with their parent; the channel shows only those that were also sent there."""
    web = client(slack)
    ts = web.chat_postMessage(channel=team.id, text="parent")["ts"]
    web.chat_postMessage(channel=team.id, text="quiet", thread_ts=ts, metadata=METADATA)
    broadcast = web.chat_postMessage(channel=team.id, text="loud", thread_ts=ts, reply_broadcast=True)["ts"]
    replies = web.conversations_replies(channel=team.id, ts=ts, include_all_metadata=True)["messages"]
    assert [(one["text"], one["thread_ts"]) for one in replies] == [
        ("parent", ts),
        ("quiet", ts),
        ("loud", ts),
    ]
    assert replies[0]["reply_count"] == 2 and replies[1]["metadata"] == METADATA
    history = web.conversations_history(channel=team.id)["messages"]
    assert [(one["ts"], one.get("subtype")) for one in history] == [
        (broadcast, "thread_broadcast"),
        (ts, None),
    ]
    assert (
        refused(web.chat_postMessage, channel=team.id, text="x", thread_ts="1.000001") == "thread_not_found"
    )


def test_channels_and_members_are_paged(slack, team):
    """Private channels without invitation and archived channels are omitted."""
    web = client(slack)
    for name in ("#b", "#c"):
        slack.workspace.channel(name)
    slack.workspace.channel("#old", archived=True)
    slack.workspace.channel("#hid", private=True, invited=False)
    arguments = {"limit": 2, "exclude_archived": True, "types": "public_channel,private_channel"}
    pages = [[one["name"] for one in page["channels"]] for page in web.conversations_list(**arguments)]
    assert pages == [["team", "b"], ["c"]]
    members = [page["members"] for page in web.conversations_members(channel=team.id, limit=1)]
    assert members == [[BOT], [ANNA]]


def test_ephemeral_message_reaches_one_member(slack, team):
    """It is not a message of the channel."""
    web = client(slack)
    web.chat_postEphemeral(channel=team.id, user=ANNA, text="psst")
    assert [(user, one.text) for user, one in team.whispers] == [(ANNA, "psst")] and not team.messages
    assert refused(web.chat_postEphemeral, channel=team.id, user=BEN, text="x") == "user_not_in_channel"


def test_trigger_opens_one_dialog_within_three_seconds(slack, team, clock):
    """A trigger_id is valid once and for three seconds; any other id is refused."""
    web = client(slack)
    ts = web.chat_postMessage(channel=team.id, text="x", blocks=BLOCKS)["ts"]
    trigger = slack.pressed(team, ts, "snooze_7", user=ANNA).payload["trigger_id"]
    assert refused(web.views_open, trigger_id="1.2.3", view=VIEW) == "invalid_trigger_id"
    assert refused(web.views_open, trigger_id=trigger, view={**VIEW, "submit": None}) == "invalid_arguments"
    clock.now += 2.9
    assert web.views_open(trigger_id=trigger, view=VIEW)["view"]["id"] == slack.workspace.views[0]["id"]
    assert refused(web.views_open, trigger_id=trigger, view=VIEW) == "exchanged_trigger_id"
    late = slack.pressed(team, ts, "snooze_7", user=ANNA).payload["trigger_id"]
    clock.now += 3.1
    assert refused(web.views_open, trigger_id=late, view=VIEW) == "expired_trigger_id"


def test_interactions_are_signed(slack, team):
    """Slack's own verifier accepts them, and rejects another body or an old request."""
    ts = client(slack).chat_postMessage(channel=team.id, text="x", blocks=BLOCKS, metadata=METADATA)["ts"]
    verifier = SignatureVerifier(slack.signing_secret)
    pressed = slack.pressed(team, ts, "snooze_7", user=ANNA, at=time.time())
    assert verifier.is_valid_request(pressed.body, pressed.headers)
    assert not verifier.is_valid_request(pressed.body + "x", pressed.headers)
    old = slack.pressed(team, ts, "snooze_7", user=ANNA, at=time.time() - 600)
    assert not verifier.is_valid_request(old.body, old.headers)
    action = pressed.payload["actions"][0]
    assert (action["action_id"], action["value"], pressed.payload["user"]["id"]) == ("snooze_7", "f1", ANNA)
    with pytest.raises(LookupError):
        slack.pressed(team, ts, "not_there", user=ANNA)


def test_submitted_dialog_has_its_fields_and_metadata(slack, team):
    """Its state is keyed by block and action; private_metadata is unchanged."""
    web = client(slack)
    web.views_open(trigger_id=slack.workspace.trigger(), view={**VIEW, "private_metadata": "carried"})
    view = slack.submitted({"reason": "it is a standby"}, user=ANNA).payload["view"]
    assert view["state"]["values"]["reason"]["reason"]["value"] == "it is a standby"
    assert view["private_metadata"] == "carried"


def test_response_url_works_five_times(slack, team, clock):
    """It sends ephemeral replies or replaces the message, and expires after 30 minutes."""
    ts = client(slack).chat_postMessage(channel=team.id, text="x", blocks=BLOCKS)["ts"]
    response = WebhookClient(slack.pressed(team, ts, "snooze_7", user=ANNA).payload["response_url"])
    assert response.send(text="only you").status_code == 200
    assert response.send(text="y", replace_original=True).status_code == 200
    assert team.whispers[0][0] == ANNA and team.messages[ts].text == "y"
    assert [response.send(text="more").status_code for _ in range(4)] == [200, 200, 200, 404]
    late = WebhookClient(
        slack.workspace.response_path(channel=team.id, ts=ts, user=ANNA).join([slack.address, ""])
    )
    clock.now += 1801
    assert late.send(text="late").status_code == 404


def test_webhook_returns_ok_or_an_error(slack, team):
    """The body is plain text, and the status matches it."""
    webhook = WebhookClient(slack.webhook(team))
    assert webhook.send(text="hello", blocks=BLOCKS[:1]).body == "ok"
    assert (team.shown[0].text, team.shown[0].blocks) == ("hello", BLOCKS[:1])
    assert (webhook.send(text="").status_code, webhook.send(text="").body) == (400, "no_text")
    assert webhook.send(blocks=[{"type": "none"}]).body == "invalid_blocks"
    assert WebhookClient(slack.address + "/services/T/B/none").send(text="x").status_code == 404


def test_rate_limit_is_one_message_per_second_and_channel(slack, team, clock):
    """A short burst is tolerated; then 429 with Retry-After, and nothing is posted."""
    slack.limit.burst = 2
    web, other = client(slack), slack.workspace.channel("#other")
    for _ in range(2):
        web.chat_postMessage(channel=team.id, text="x")
    with pytest.raises(SlackApiError) as error:
        web.chat_postMessage(channel=team.id, text="x")
    response = error.value.response
    assert (response.status_code, response["error"], response.headers["Retry-After"]) == (
        429,
        "ratelimited",
        "1",
    )
    assert len(team.messages) == 2 and web.chat_postMessage(channel=other.id, text="x")["ok"]
    clock.now += 1
    assert web.chat_postMessage(channel=team.id, text="x")["ok"]


def test_fault_down_lasts_for_the_requested_number_of_calls(slack, team):
    """The failed calls have no effect, and other methods keep working."""
    slack.fault("down", "chat.postMessage", times=2)
    web = client(slack)
    for _ in range(2):
        with pytest.raises(SlackApiError) as error:
            web.chat_postMessage(channel=team.id, text="x")
        assert error.value.response.status_code == 503
        assert web.auth_test()["ok"]
    assert not team.messages and web.chat_postMessage(channel=team.id, text="x")["ok"]


def test_error_before_the_effect_has_no_effect(slack, team):
    """The call returns internal_error, and nothing is posted."""
    slack.fault("error")
    assert refused(client(slack).chat_postMessage, channel=team.id, text="x") == "internal_error"
    assert not team.messages


def test_connections_can_be_refused_for_a_time(slack, team):
    """Afterwards, the same address accepts connections again."""
    web = client(slack)
    with slack.refusing(), pytest.raises(urllib.error.URLError) as error:
        web.chat_postMessage(channel=team.id, text="x")
    assert isinstance(error.value.reason, ConnectionRefusedError)
    assert web.chat_postMessage(channel=team.id, text="x")["ok"]


@pytest.mark.parametrize("kind", ["silent", "dropped"])
def test_message_can_be_posted_without_a_response(slack, team, kind):
    """The client gets a timeout or a closed connection; the message is in the channel."""
    slack.fault(kind, "chat.postMessage")
    with pytest.raises(OSError):
        client(slack, timeout=1).chat_postMessage(channel=team.id, text="x")
    assert [one.text for one in team.shown] == ["x"]


def test_slow_response_arrives_after_its_delay(slack, team):
    slack.fault("slow", seconds=0.3)
    started = time.monotonic()
    assert client(slack).chat_postMessage(channel=team.id, text="x")["ok"]
    assert time.monotonic() - started >= 0.3
