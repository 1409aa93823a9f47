"""Responses in Slack: only signed requests count, only team members can respond, and each response counts once."""

import json
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qs

import boto3
import pytest
from moto import mock_aws
from slack_sdk import WebClient

from focuswatch.errors import FocuswatchError
from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.finding_amount_and_age_text import main_amount
from focuswatch.ledger import Decision, Suppression, decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.notify.slack.incoming_webhook import Webhook
from focuswatch.notify.slack.look_up_channel_ids import Channels
from focuswatch.notify.slack.render_mute_reason_dialog import render_not_waste_dialog
from focuswatch.notify.slack.verify_and_parse_slack_interactions import (
    ResponseDialog,
    UserResponse,
    is_signed_by_slack,
    parse_interaction,
)
from focuswatch.notify.space_messages_to_a_destination import MessageRateLimit
from tests.fakes.slack_interaction_requests import signed
from tests.given.lambda_context import LambdaContext
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import DAY, finding, run
from tests.given.slack_world import Killed, Steps, notification, slack_world

FINDING = finding(team="search")


@pytest.fixture
def world():
    """Yield a Slack workspace with one finding, posted to the channel of the team search."""
    with mock_aws(), slack_world() as world:
        ledger = DynamoLedger(world.table)
        ledger.update(lambda entries, suppressions: decide(entries, suppressions, run(FINDING)), evaluated=())
        world.deliver(notification(FINDING))
        yield world


def pressed(world, action_id, *, user="U0ANNA"):
    """Return the parsed request of a press of a button in the first message."""
    return parse_interaction(
        world.server.pressed(world.team, world.team.shown[0].ts, action_id, user=user).body
    )


def open_dialog(world, view, *, trigger_id):
    """Open a dialog as the function `answer` does."""
    WebClient(world.server.token, base_url=world.server.api).views_open(view=view, trigger_id=trigger_id)


def buttons(message):
    return [
        one["action_id"]
        for block in message.blocks
        if block["type"] == "actions"
        for one in block["elements"]
    ]


def test_only_requests_signed_by_slack_are_accepted(world):
    """The signature covers the body and the time."""
    request = world.server.pressed(world.team, world.team.shown[0].ts, "acknowledge", user="U0ANNA")

    def is_accepted(
        body=request.body, headers=request.headers, *, secret=world.server.signing_secret, now=world.now
    ):
        return is_signed_by_slack(body, headers, signing_secret=secret, now=now)

    assert is_accepted()
    assert is_accepted(headers={name.lower(): value for name, value in request.headers.items()})
    assert not is_accepted(body=request.body + "&more=1")
    assert not is_accepted(secret="another secret of 32 characters.")
    assert not is_accepted(headers={})
    for timestamp in ("now", "1" + "0" * 400, "9" * 5000, ""):
        assert not is_accepted(headers=request.headers | {"X-Slack-Request-Timestamp": timestamp})
    assert not is_accepted(headers=request.headers | {"X-Slack-Signature": "v0=\xe9"})
    assert not is_accepted(now=world.now + 301)
    assert not is_accepted(now=world.now - 301)


def test_malformed_payload_is_an_error():
    """The sender has the secret, but the payload is still validated."""
    for body in (
        "",
        "payload=",
        "payload=%7B%7D",
        "payload=%5B%5D",
        "payload=not",
        "payload=%7B%22type%22%3A%22block_actions%22%7D",
    ):
        with pytest.raises(ValueError, match="."):
            parse_interaction(body)
    assert parse_interaction("payload=" + json.dumps({"type": "shortcut"})) is None


def test_acknowledgment_is_stored_and_shown(world):
    """The next reminder is sent two weeks later."""
    world.recorder().record(pressed(world, "acknowledge"))
    (entry,) = DynamoLedger(world.table).entries().values()
    assert entry.acknowledged_by == "u0anna (U0ANNA)"
    assert entry.acknowledged_on == DAY
    (message,) = world.team.shown
    assert "acknowledge" not in buttons(message)
    assert "snooze_7" in buttons(message)
    later = run(FINDING, on=DAY + timedelta(days=13))
    assert not decide({FINDING.fingerprint: entry}, (), later).notifications


@pytest.mark.parametrize(("action", "days"), [("snooze_7", 7), ("snooze_30", 30)])
def test_snooze_suppresses_until_its_day(world, action, days):
    """The suppression has an author; the message shows the response and no buttons."""
    world.recorder().record(pressed(world, action))
    (suppression,) = DynamoLedger(world.table).suppressions()
    assert (suppression.scope, suppression.value) == ("fingerprint", FINDING.fingerprint)
    assert suppression.until == DAY + timedelta(days=days)
    assert suppression.author == "u0anna (U0ANNA)"
    (message,) = world.team.shown
    assert buttons(message) == []
    assert str(suppression.until) in json.dumps(message.blocks)


def test_not_waste_opens_a_dialog_and_excludes_with_its_reason(world):
    """A dialog asks for the reason; the exclusion has no end date."""
    question = pressed(world, "not_waste")
    assert isinstance(question, ResponseDialog)
    assert FINDING.title in question.title and main_amount(FINDING) in question.title
    assert account_label(FINDING.sub_account_name, FINDING.sub_account_id) in question.title
    view = render_not_waste_dialog(
        question.fingerprint, title=question.title, channel=question.channel, ts=question.ts
    )
    open_dialog(world, view, trigger_id=question.trigger_id)
    press = parse_interaction(world.server.submitted({"reason": "standby for Friday"}, user="U0ANNA").body)
    world.recorder().record(press)
    (suppression,) = DynamoLedger(world.table).suppressions()
    assert (suppression.reason, suppression.until) == ("standby for Friday", None)
    assert "standby for Friday" in json.dumps(world.team.shown[0].blocks)


def dismiss_three(world):
    """Snooze three findings of the account; the fourth is posted with the offer of an exclusion."""
    ledger = DynamoLedger(world.table)
    others = [finding(f"endpoint {number}", team="search") for number in range(3)]
    fourth = finding("endpoint 4", team="search", on=DAY + timedelta(days=1))
    ledger.update(
        lambda entries, suppressions: decide(entries, suppressions, run(FINDING, *others)), evaluated=()
    )
    for one in others:
        ledger.add_suppression(
            Suppression(scope="fingerprint", value=one.fingerprint, author="ana", reason="r", since=DAY)
        )
    a_run = run(FINDING, *others, fourth, on=DAY + timedelta(days=1))
    decision = ledger.update(lambda entries, suppressions: decide(entries, suppressions, a_run), evaluated=())
    (new,) = decision.notifications
    world.deliver(notification(new.finding))
    return fourth


def pressed_last(world, action_id):
    """Return the parsed request of a press of a button in the last message."""
    return parse_interaction(
        world.server.pressed(world.team, world.team.shown[-1].ts, action_id, user="U0ANNA").body
    )


def test_offered_exclusion_is_created_once_for_the_account(world):
    """It has an author and a reason, the message shows it, and the next finding of the account is not notified."""
    fourth = dismiss_three(world)
    message = world.team.shown[-1]
    assert buttons(message) == ["acknowledge", "snooze_7", "snooze_30", "not_waste", "exclude_account"]
    assert "3 findings of this detection in account 111122223333" in json.dumps(message.blocks)
    press = pressed_last(world, "exclude_account")
    for _ in range(2):
        world.recorder().record(press)
    *_, rule = ledger_rules = DynamoLedger(world.table).suppressions()
    assert len(ledger_rules) == 4
    assert (rule.scope, rule.value, rule.detection, rule.until) == (
        "account",
        "111122223333",
        fourth.detection,
        None,
    )
    assert (rule.author, rule.reason) == (
        "u0anna (U0ANNA)",
        "excluded in Slack after 3 findings were dismissed",
    )
    shown = world.team.shown[-1]
    assert "Excluded for this account" in json.dumps(shown.blocks)
    assert buttons(shown) == []
    fifth = run(finding("endpoint 5", team="search"))
    assert not decide({}, ledger_rules, fifth).notifications


def test_exclusion_that_is_no_longer_offered_is_not_created(world):
    """Someone has removed a snooze since the message was posted."""
    dismiss_three(world)
    ledger = DynamoLedger(world.table)
    ledger.remove_suppression(ledger.suppressions()[0].id)
    assert "no longer offered" in world.recorder().record(pressed_last(world, "exclude_account"))
    assert len(ledger.suppressions()) == 2
    assert "exclude_account" in buttons(world.team.shown[-1])


def test_only_members_of_the_channel_can_respond(world):
    """Any other user gets a reply, and nothing changes."""
    world.recorder().record(pressed(world, "snooze_30", user="U0MALLORY"))
    assert DynamoLedger(world.table).suppressions() == []
    ((user, whisper),) = world.team.whispers
    assert user == "U0MALLORY"
    assert "members" in whisper.text
    assert "snooze_30" in buttons(world.team.shown[0])


def test_channel_in_the_payload_grants_nothing(world):
    """A member of another channel could send its id; the stored channel of the message decides."""
    other = world.server.workspace.channel("#elsewhere", members=["U0MALLORY"])
    press = pressed(world, "snooze_30", user="U0MALLORY")
    world.recorder().record(replace(press, channel=other.id))
    assert DynamoLedger(world.table).suppressions() == []


@pytest.mark.parametrize(
    ("category", "owned_by", "team", "accepted"),
    [
        ("security", "resource tag", "search", False),
        ("security", "account", "search", True),
        ("security", "ou", "search", True),
        # The finding has lost its owner, but its message is still in the channel of the team.
        ("security", "account", None, False),
        ("waste", "resource tag", "search", True),
    ],
)
def test_only_the_owner_of_the_account_can_respond_to_a_security_finding(
    world, category, owned_by, team, accepted
):
    """A tag chooses the channel, but not who can suppress an intrusion."""
    changed = FINDING.model_copy(update={"category": category, "owned_by": owned_by, "team": team})
    ledger = DynamoLedger(world.table)
    entry = ledger.entries()[FINDING.fingerprint].model_copy(update={"finding": changed})
    ledger.update(lambda _entries, _suppressions: Decision((entry,), ()), evaluated=())
    world.recorder().record(pressed(world, "snooze_30"))
    assert bool(ledger.suppressions()) == accepted


def test_repeated_response_counts_once(world):
    """The queue can deliver a response again, even after its suppression was removed."""
    press = pressed(world, "snooze_7")
    world.recorder().record(press)
    (suppression,) = DynamoLedger(world.table).suppressions()
    DynamoLedger(world.table).remove_suppression(suppression.id)
    world.recorder().record(press)
    assert DynamoLedger(world.table).suppressions() == []


def test_response_to_an_unknown_finding_gets_a_reply(world):
    """The stored state of its message was deleted."""
    world.table.delete_item(Key={"kind": "told in slack", "id": FINDING.fingerprint})
    assert "no longer stores" in world.recorder().record(pressed(world, "acknowledge"))


def move_to_webhook(world):
    """Move the team to a webhook, which posts a change; the message of the bot stays unchanged."""
    pace = MessageRateLimit(world.table, channel="slack", clock=world.clock, sleep=world.sleep)
    hook = Webhook(world.server.webhook(world.team), pace, timeout_seconds=1)
    channel = replace(world.channel(), slack=hook, channels=Channels(world.table, hook), threads=False)
    channel.deliver(
        notification(FINDING.model_copy(update={"monthly_cost": Decimal(9000)}), "changed", number=2)
    )


def test_button_of_a_team_that_moved_to_a_webhook_has_no_effect(world):
    """The state of a webhook has no channel id, so the members cannot be read; the person gets a reply."""
    press = pressed(world, "snooze_7")
    move_to_webhook(world)
    assert "cannot read the members" in world.recorder().record(press)
    ((user, whisper),) = world.team.whispers
    assert (user, "focuswatch snooze" in whisper.text) == ("U0ANNA", True)
    assert DynamoLedger(world.table).suppressions() == []


def test_response_counts_if_its_message_cannot_be_updated(world):
    """The channel is archived, or a scope is missing."""
    press = pressed(world, "snooze_7")
    world.team.archived = True
    assert "could not be updated" in world.recorder().record(press)
    assert len(DynamoLedger(world.table).suppressions()) == 1


def test_rejection_after_the_dialog_gets_a_reply(world):
    """The dialog passes on the response_url, to which the reply is sent."""
    question = pressed(world, "not_waste", user="U0MALLORY")
    view = render_not_waste_dialog(
        question.fingerprint,
        title=question.title,
        channel=question.channel,
        ts=question.ts,
        response_url=question.response_url,
    )
    open_dialog(world, view, trigger_id=question.trigger_id)
    world.recorder().record(
        parse_interaction(world.server.submitted({"reason": "it is mine"}, user="U0MALLORY").body)
    )
    ((user, whisper),) = world.team.whispers
    assert (user, "members" in whisper.text) == ("U0MALLORY", True)
    assert DynamoLedger(world.table).suppressions() == []


@pytest.mark.parametrize("action", ["acknowledge", "snooze_7"])
def test_response_counts_once_after_a_kill_at_any_step(action):
    """The process is killed before or after each call; then the queue delivers the response again."""

    def post_and_press(steps):
        ledger = DynamoLedger(world.table)
        ledger.update(lambda entries, suppressions: decide(entries, suppressions, run(FINDING)), evaluated=())
        world.deliver(notification(FINDING))
        world.steps = steps
        return pressed(world, action)

    def record(press):
        recorder = world.recorder()
        table = world.steps.watched(world.table, ("get_item", "put_item", "update_item", "query"))
        return replace(recorder, table=table, ledger=DynamoLedger(table)).record(press)

    with slack_world() as world:
        record(post_and_press(Steps()))
        steps = world.steps.taken
    for number in range(1, steps + 1):
        for moment in ("kill_before", "kill_after"):
            with slack_world() as world:
                press = post_and_press(Steps(**{moment: number}))
                for _ in range(3):
                    try:
                        record(press)
                    except (Killed, FocuswatchError):
                        world.steps = Steps()
                        world.now += 400
                ledger = DynamoLedger(world.table)
                (entry,) = ledger.entries().values()
                responses = [one for one in (entry.acknowledged_by, *ledger.suppressions()) if one]
                assert len(responses) == 1, (moment, number)
                assert "acknowledge" not in buttons(world.team.shown[0]), (moment, number)


@pytest.fixture
def handler(world, monkeypatch):
    """Yield a function that sends a request to the Lambda `answer`, with its secret and its queues."""
    for name, value in {
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "answer",
        "FOCUSWATCH_SLACK_SECRET": "slack",
    }.items():
        monkeypatch.setenv(name, value)
    secret = {
        "token": world.server.token,
        "signing_secret": world.server.signing_secret,
        "api": world.server.api,
    }
    boto3.client("secretsmanager").create_secret(Name="slack", SecretString=json.dumps(secret))
    queue = boto3.client("sqs").create_queue(QueueName="responses")["QueueUrl"]
    monkeypatch.setenv("FOCUSWATCH_ANSWERS", queue)
    presses = boto3.client("sqs").create_queue(QueueName="presses")["QueueUrl"]
    monkeypatch.setenv("FOCUSWATCH_PRESSES", presses)
    monkeypatch.setattr(time, "time", world.clock)
    from lambdas import (
        answer_endpoint_for_responses_and_page_links,
        public_url_request_body_secrets_and_aws_clients,
    )

    public_url_request_body_secrets_and_aws_clients.client.cache_clear()
    public_url_request_body_secrets_and_aws_clients._secret_text.cache_clear()
    yield lambda request: answer_endpoint_for_responses_and_page_links.handler(
        {"body": request.body, "headers": request.headers}, LambdaContext()
    )
    public_url_request_body_secrets_and_aws_clients.client.cache_clear()
    public_url_request_body_secrets_and_aws_clients._secret_text.cache_clear()


def queued(name="responses"):
    """Return the responses in a queue."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    return [
        UserResponse.from_json(one["Body"]) for one in sqs.receive_message(QueueUrl=url).get("Messages", [])
    ]


def test_response_is_queued_at_once(world, handler):
    """Slack gets its reply before the response is recorded."""
    request = world.server.pressed(world.team, world.team.shown[0].ts, "snooze_7", user="U0ANNA")
    assert handler(request) == {"statusCode": 200}
    assert [one.action for one in queued()] == ["snooze_7"]


def test_presses_about_spending_go_to_the_function_of_spend_caps(world, handler):
    """Only that function is permitted to pause a role."""
    shown = world.team.shown[0]
    button = {"type": "button", "action_id": "pause_spending", "value": FINDING.fingerprint}
    shown.blocks.append(
        {"type": "actions", "elements": [button | {"text": {"type": "plain_text", "text": "Pause"}}]}
    )
    assert (
        handler(world.server.pressed(world.team, shown.ts, "pause_spending", user="U0ANNA"))["statusCode"]
        == 200
    )
    assert queued() == []
    (press,) = queued("presses")
    assert (press.action, press.fingerprint) == ("pause_spending", FINDING.fingerprint)


def test_not_waste_opens_the_dialog_at_once(world, handler):
    """Nothing is queued before the dialog is submitted."""
    assert (
        handler(world.server.pressed(world.team, world.team.shown[0].ts, "not_waste", user="U0ANNA"))[
            "statusCode"
        ]
        == 200
    )
    assert world.server.workspace.views[-1]["callback_id"] == "not_waste"
    assert queued() == []
    handler(world.server.submitted({"reason": "a good one"}, user="U0ANNA"))
    assert [one.reason for one in queued()] == ["a good one"]


def test_unsigned_request_gets_401(world, handler):
    """Nothing is queued."""
    payload = json.loads(
        parse_qs(world.server.pressed(world.team, world.team.shown[0].ts, "snooze_7", user="U0ANNA").body)[
            "payload"
        ][0]
    )
    assert handler(signed(payload, secret="not the secret of Slack", at=world.now)) == {"statusCode": 401}
    assert handler(signed(payload, secret=world.server.signing_secret, at=world.now - 600)) == {
        "statusCode": 401
    }
    assert queued() == []


def test_signed_malformed_request_gets_400(world, handler):
    assert handler(signed({"type": "block_actions"}, secret=world.server.signing_secret, at=world.now)) == {
        "statusCode": 400
    }


def remove_bot_token(world):
    """Remove the bot token from the secret."""
    secret = {
        "webhooks": {"search": "https://hooks.slack.com/x"},
        "signing_secret": world.server.signing_secret,
    }
    boto3.client("secretsmanager").update_secret(SecretId="slack", SecretString=json.dumps(secret))


@pytest.mark.parametrize("action", ["snooze_7", "not_waste"])
def test_without_a_bot_token_a_button_is_refused(world, handler, action):
    """The team now uses a webhook, whose messages have no buttons; Slack shows the error next to an old button."""
    remove_bot_token(world)
    request = world.server.pressed(world.team, world.team.shown[0].ts, action, user="U0ANNA")
    assert handler(request) == {"statusCode": 401}
    assert queued() == []


def test_queued_response_is_recorded_by_the_function_record(world, handler, monkeypatch):
    # The function uses the real clock, and would wait for times that the clock of the test reserved.
    monkeypatch.setattr(MessageRateLimit, "wait", lambda *_: None)
    handler(world.server.pressed(world.team, world.team.shown[0].ts, "snooze_7", user="U0ANNA"))
    table = ledger_table()  # the function opens its table by name
    for item in world.table.items():
        table.put_item(Item=item)
    record_queued(monkeypatch)
    (suppression,) = DynamoLedger(table).suppressions()
    assert suppression.author == "u0anna (U0ANNA)"


def record_queued(monkeypatch):
    """Run the function `record` for the queued responses."""
    queue = boto3.client("sqs").get_queue_url(QueueName="responses")["QueueUrl"]
    for name in ("FOCUSWATCH_QUEUE", "FOCUSWATCH_DEAD_LETTERS"):
        monkeypatch.setenv(name, queue)
    monkeypatch.setenv("FOCUSWATCH_LEDGER", "ledger")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "focuswatch")
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "1")
    from aws_lambda_powertools.utilities import parameters

    parameters.clear_caches()
    from lambdas import record_and_show_queued_responses

    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "0"}
    records = [
        {"messageId": "m", "receiptHandle": "r", "body": one.to_json(), "attributes": attributes}
        for one in queued()
    ]
    assert record_and_show_queued_responses.handler({"Records": records}, LambdaContext()) == {
        "batchItemFailures": []
    }
