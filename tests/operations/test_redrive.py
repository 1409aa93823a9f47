"""`focuswatch redrive` hands dead letters back to work: at least once, whatever happens on the way."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from typer.testing import CliRunner

from focuswatch.cli import app
from focuswatch.operations.deployment_config import QUEUE_FED, Deployment, Secrets
from focuswatch.operations.redrive import look, redrive
from tests.given.findings import finding

CONFIG = Path(__file__).parents[2] / "config" / "deployment.toml"
FOUND = f"{finding().detection} {finding().fingerprint}"
EVENT = {
    "version": "0",
    "id": "1",
    "detail-type": "Refreshed",
    "source": "focuswatch",
    "detail": {"as_of": "2026-11-20"},
}


@pytest.fixture
def deployment():
    """With every channel there is."""
    secrets = Secrets(slack="focuswatch/slack", jira="focuswatch/jira")
    return Deployment.load(CONFIG).model_copy(update={"secrets": secrets})


@pytest.fixture
def session(monkeypatch, deployment):
    """An account with all queues; Lambda takes every event and remembers it."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
        "MOTO_ACCOUNT_ID": deployment.accounts.pipeline,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr("focuswatch.operations.redrive.dead_letter_queue.PATIENCE_SECONDS", 0)
    with mock_aws():
        made = boto3.Session()
        sqs = made.client("sqs", region_name=deployment.accounts.region)
        for kind in deployment.unattended:
            sqs.create_queue(QueueName=deployment.dead_letters(kind))
        for kind in QUEUE_FED:
            sqs.create_queue(QueueName=deployment.queue(kind))
        made.called = []
        made.events.register("before-call.lambda.Invoke", lambda params, **_: taken(made, params))
        monkeypatch.setattr(boto3, "Session", lambda: made)
        yield made


def taken(session, params):
    session.called.append(
        (params["url_path"], params["headers"]["X-Amz-Invocation-Type"], json.loads(params["body"]))
    )
    return SimpleNamespace(status_code=202), {"StatusCode": 202}


def client(session, deployment):
    return session.client("sqs", region_name=deployment.accounts.region)


def url(session, name):
    return session.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]


def write(session, name, *bodies, **attributes):
    told = {key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()}
    for body in bodies:
        text = body if isinstance(body, str) else json.dumps(body)
        session.client("sqs").send_message(
            QueueUrl=url(session, name), MessageBody=text, MessageAttributes=told
        )


def waiting(session, name):
    asked = {"AttributeNames": ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]}
    told = session.client("sqs").get_queue_attributes(QueueUrl=url(session, name), **asked)["Attributes"]
    assert told["ApproximateNumberOfMessagesNotVisible"] == "0"
    return int(told["ApproximateNumberOfMessages"])


def handed(session, deployment, *kinds):
    """What came of it, by function."""
    done = redrive(
        deployment, sqs=client(session, deployment), functions=session.client("lambda"), kinds=kinds
    )
    return {told.kind: told for told in done}


def record(event, message="S3 is away"):
    """As Lambda writes it: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html"""
    return {
        "version": "1.0",
        "timestamp": "2026-11-20T06:00:00.000Z",
        "requestContext": {
            "requestId": "e4b46cbf",
            "functionArn": "arn:aws:lambda:us-east-1:111111111111:function:focuswatch-detect:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": message, "errorType": "QueryError"},
    }


def test_what_sns_could_not_deliver_goes_where_it_was_to_go(session, deployment):
    """As the queue would have had it, whether SNS wrapped it or not."""
    news = finding().model_dump_json(by_alias=True)
    wrapped = {
        "Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:1:focuswatch-findings", "Message": news,
        "MessageAttributes": {"change": {"Type": "String", "Value": "new"}},
    }  # fmt: skip
    write(session, deployment.dead_letters("slack"), wrapped)
    done = handed(session, deployment, "slack")["slack"]
    assert (done.moved, done.letters[0].about) == (1, f"new {FOUND}")
    sqs = session.client("sqs")
    (back,) = sqs.receive_message(
        QueueUrl=url(session, deployment.queue("slack")), MessageAttributeNames=["All"]
    )["Messages"]
    assert back["Body"] == news
    assert back["MessageAttributes"]["change"]["StringValue"] == "new"


def test_letters_of_a_queue_go_back_into_it(session, deployment):
    """Each with its body and attributes, and to its own queue."""
    news = finding().model_dump_json(by_alias=True)
    write(session, deployment.dead_letters("slack"), news, change="new", news_id="a-1")
    write(session, deployment.dead_letters("spending"), *(f"letter {number}" for number in range(25)))
    shown = []
    session.events.register("before-call.sqs.ChangeMessageVisibility", lambda **_: shown.append(True))
    told = handed(session, deployment, "slack", "spending", "jira")
    assert not shown  # what was handed on is gone
    assert {kind: one.moved for kind, one in told.items()} == {"slack": 1, "spending": 25, "jira": 0}
    assert not any(waiting(session, deployment.dead_letters(kind)) for kind in told)
    assert waiting(session, deployment.queue("spending")) == 25
    (back,) = session.client("sqs").receive_message(
        QueueUrl=url(session, deployment.queue("slack")), MessageAttributeNames=["All"]
    )["Messages"]
    assert back["Body"] == news
    assert {key: one["StringValue"] for key, one in back["MessageAttributes"].items()} == {
        "change": "new",
        "news_id": "a-1",
    }


def test_one_run_makes_up_for_all_letters_of_a_function(session, deployment):
    """It is called with the newest event, as Lambda's record has it or as EventBridge wrote it, in its own account."""
    write(session, deployment.dead_letters("detect"), record({"id": "old"}), record(EVENT))
    write(session, deployment.dead_letters("refresh"), EVENT, ERROR_CODE="NO_PERMISSIONS")
    told = handed(session, deployment, "detect", "refresh", "publish")
    assert [one.moved for one in told.values()] == [2, 1, 0]
    where = f"{deployment.accounts.region}%3A{deployment.accounts.pipeline}"
    assert session.called == [
        (
            f"/2015-03-31/functions/arn%3Aaws%3Alambda%3A{where}%3Afunction%3Afocuswatch-{kind}/invocations",
            "Event",
            EVENT,
        )
        for kind in ("detect", "refresh")
    ]
    assert not any(waiting(session, deployment.dead_letters(kind)) for kind in told)


def test_what_lambda_refuses_stays(session, deployment):
    """All letters, visible at once, with the reason; other functions' are handed on."""
    refused = ClientError(
        {"Error": {"Code": "ResourceNotFoundException", "Message": "Function not found"}}, "Invoke"
    )

    def refuse(params, **_):
        if "detect" in params["url_path"]:
            raise refused

    session.events.register_first("before-call.lambda.Invoke", refuse)
    write(session, deployment.dead_letters("detect"), record(EVENT), record(EVENT))
    write(session, deployment.dead_letters("refresh"), record(EVENT))
    told = handed(session, deployment, "detect", "refresh")
    assert (told["detect"].moved, told["refresh"].moved) == (0, 1)
    assert told["detect"].failures == ("ResourceNotFoundException: Function not found",) * 2
    assert waiting(session, deployment.dead_letters("detect")) == 2


def test_a_letter_that_cannot_be_sent_stays_and_stops_no_other(session, deployment):
    """It is as it was, and the next redrive takes it."""

    def too_long(params, **_):
        if "long" in json.loads(params["body"])["MessageBody"]:
            raise ClientError(
                {"Error": {"Code": "InvalidParameterValue", "Message": "too long"}}, "SendMessage"
            )

    write(session, deployment.dead_letters("jira"), "long", "short", "also short")
    session.events.register("before-call.sqs.SendMessage", too_long)
    told = handed(session, deployment, "jira")["jira"]
    assert (told.moved, told.failures) == (2, ("InvalidParameterValue: too long",))
    assert (
        waiting(session, deployment.dead_letters("jira")),
        waiting(session, deployment.queue("jira")),
    ) == (1, 2)
    session.events.unregister("before-call.sqs.SendMessage", too_long)
    assert handed(session, deployment, "jira")["jira"].moved == 1


@pytest.mark.parametrize("operation", ["SendMessage", "DeleteMessage"])
def test_a_redrive_that_is_killed_loses_nothing(session, deployment, operation):
    """Killed before or after sending: every letter is in its queue in the end, one of them perhaps twice."""
    bodies = [f"letter {number}" for number in range(12)]
    write(session, deployment.dead_letters("slack"), *bodies)
    asked = []

    def kill(**_):
        asked.append(operation)
        if len(asked) == 5:
            raise KeyboardInterrupt

    session.events.register(f"before-call.sqs.{operation}", kill)
    with pytest.raises(KeyboardInterrupt):
        handed(session, deployment, "slack")
    session.events.unregister(f"before-call.sqs.{operation}", kill)
    handed(session, deployment, "slack")
    assert not waiting(session, deployment.dead_letters("slack"))
    sent = waiting(session, deployment.queue("slack"))
    assert sent == (13 if operation == "DeleteMessage" else 12)
    found = set()
    for _ in range(sent):
        told = session.client("sqs").receive_message(QueueUrl=url(session, deployment.queue("slack")))
        found |= {message["Body"] for message in told["Messages"]}
    assert found == set(bodies)


def test_a_letter_that_dies_again_at_once_is_not_met_twice(session, deployment):
    """All are gathered before the first is handed on, so a redrive comes to its end."""
    dead = deployment.dead_letters("slack")
    write(session, dead, "one", "two")
    sqs = client(session, deployment)
    known = sqs.send_message

    def send(**asked):
        known(**asked)
        known(QueueUrl=url(session, dead), MessageBody=asked["MessageBody"])

    sqs.send_message = send
    (told,) = redrive(deployment, sqs=sqs, functions=None, kinds=["slack"])
    assert told.moved == 2
    assert waiting(session, dead) == 2


def test_looking_changes_nothing(session, deployment):
    """Letters are told oldest first, and can be seen by everybody at once."""
    write(session, deployment.dead_letters("slack"), "a", "b")
    for _ in range(2):
        (told,) = look(deployment, sqs=client(session, deployment), kinds=["slack"])
        assert [letter.body for letter in told.letters] == ["a", "b"]
        assert (told.moved, told.failures) == (0, ())
        assert waiting(session, deployment.dead_letters("slack")) == 2


def test_no_more_is_taken_than_can_be_handed_on_in_time(session, deployment, monkeypatch):
    """The rest stays, and it is said that there may be more."""
    monkeypatch.setattr("focuswatch.operations.redrive.dead_letter_queue.MOST_LETTERS", 10)
    monkeypatch.setattr("focuswatch.operations.redrive.MOST_LETTERS", 10)
    write(session, deployment.dead_letters("slack"), *map(str, range(15)))
    told = handed(session, deployment, "slack")["slack"]
    assert (told.moved, told.is_full) == (10, True)
    told = handed(session, deployment, "slack")["slack"]
    assert (told.moved, told.is_full) == (5, False)


UNKNOWN = "its function's log knows why"


@pytest.mark.parametrize(
    ("body", "attributes", "about", "why"),
    [
        (record(EVENT), {}, "Refreshed", "S3 is away"),
        (record(EVENT) | {"responsePayload": None}, {}, "Refreshed", "RetriesExhausted"),
        (EVENT, {"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "no"}, "Refreshed", "NO_PERMISSIONS: no"),
        (finding().model_dump_json(by_alias=True), {"change": "changed"}, f"changed {FOUND}", UNKNOWN),
        (finding().model_dump_json(by_alias=True), {}, f"new {FOUND}", UNKNOWN),
        ("AWS Budget Notification", {}, "a message", UNKNOWN),
        ("[1]", {}, "a message", UNKNOWN),
    ],
)
def test_a_letter_says_what_it_is_about_and_why_it_is_dead(session, deployment, body, attributes, about, why):
    """As far as whoever wrote it says so."""
    write(session, deployment.dead_letters("publish"), body, **attributes)
    (told,) = look(deployment, sqs=client(session, deployment), kinds=["publish"])
    assert [(letter.about, letter.why) for letter in told.letters] == [(about, why)]


def command(deployment, monkeypatch, *asked):
    monkeypatch.setattr(Deployment, "load", lambda path: deployment)
    return CliRunner().invoke(app, ["redrive", *asked])


def test_the_command_says_what_is_there_and_what_became_of_it(session, deployment, monkeypatch):
    write(
        session,
        deployment.dead_letters("detect"),
        record({"id": "0"}, "no table"),
        record({"id": "1"}),
        record(EVENT),
    )
    write(session, deployment.dead_letters("slack"), finding().model_dump_json(by_alias=True), change="new")
    looked = command(deployment, monkeypatch, "--dry-run")
    assert looked.exit_code == 0
    assert looked.stdout.splitlines() == [
        "detect: 3 dead letters, the oldest 0 minutes old",
        "  2 × S3 is away (the last: Refreshed)",
        "  1 × no table (the last: a message)",
        "slack: 1 dead letter, the oldest 0 minutes old",
        f"  1 × its function's log knows why (the last: new idle_sagemaker_endpoint {finding().fingerprint})",
    ]
    assert not session.called
    done = command(deployment, monkeypatch)
    assert done.exit_code == 0
    assert [line for line in done.stdout.splitlines() if "handed" in line] == [
        "  3 redriven to one run of focuswatch-detect",
        "  1 redriven to focuswatch-slack",
    ]
    assert command(deployment, monkeypatch, "slack").stdout == "No dead letters: slack.\n"


@pytest.mark.parametrize(
    ("waited", "said"),
    [({"minutes": 119}, "119 minutes"), ({"hours": 47}, "47 hours"), ({"days": 13}, "13 days")],
)
def test_an_age_is_told_in_its_own_measure(session, deployment, monkeypatch, waited, said):
    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(**waited)

    write(session, deployment.dead_letters("slack"), "a")
    monkeypatch.setattr("focuswatch.cli.redrive_command.datetime", Later)
    assert f"the oldest {said} old" in command(deployment, monkeypatch, "slack", "--dry-run").stdout


def test_the_command_fails_where_some_stay(session, deployment, monkeypatch):
    def refuse(**_):
        raise ClientError(
            {"Error": {"Code": "TooManyRequestsException", "Message": "\x1b[2J slow down"}}, "Invoke"
        )

    session.events.register_first("before-call.lambda.Invoke", refuse)
    write(session, deployment.dead_letters("detect"), record(EVENT))
    failed = command(deployment, monkeypatch, "detect")
    assert failed.exit_code == 1
    assert "  0 redriven to one run of focuswatch-detect, 1 failed:" in failed.stdout
    assert "    1 × TooManyRequestsException: \N{REPLACEMENT CHARACTER}[2J slow down" in failed.stdout


def test_wrong_use_is_told_in_a_sentence(session, deployment, monkeypatch):
    """A function without dead letters, and an account without queues."""
    wrong = command(deployment, monkeypatch, "answer")
    assert "'answer' has no dead-letter queue; expected one of refresh, collect" in str(wrong.exception)
    elsewhere = deployment.model_copy(update={"name": "elsewhere"})
    missing = command(elsewhere, monkeypatch)
    assert f"Set AWS_PROFILE to a profile of account {deployment.accounts.pipeline}" in str(missing.exception)
