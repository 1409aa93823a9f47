"""`focuswatch redrive` processes dead letters again: each at least once, even if the command is killed."""

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
from focuswatch.operations.deployment_toml_sections import Secrets
from focuswatch.operations.lambda_function_groups_and_modules import QUEUE_FED
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.operations.redrive import list_dead_letters, redrive
from tests.given.one_line_findings import finding

CONFIG = Path(__file__).parents[2] / "config" / "deployment.toml"
FINDING_TEXT = f"{finding().detection} {finding().fingerprint}"
EVENT = {
    "version": "0",
    "id": "1",
    "detail-type": "Refreshed",
    "source": "focuswatch",
    "detail": {"as_of": "2026-11-20"},
}


@pytest.fixture
def deployment():
    """Return a deployment with Slack and Jira."""
    secrets = Secrets(slack="focuswatch/slack", jira="focuswatch/jira")
    return Deployment.load(CONFIG).model_copy(update={"secrets": secrets})


@pytest.fixture
def session(monkeypatch, deployment):
    """Yield a session of an account with all queues, which records each Lambda invocation in `called`."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
        "MOTO_ACCOUNT_ID": deployment.accounts.pipeline,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr("focuswatch.operations.redrive.dead_letter_queue.WAIT_SECONDS", 0)
    with mock_aws():
        new_session = boto3.Session()
        sqs = new_session.client("sqs", region_name=deployment.accounts.region)
        for kind in deployment.unattended:
            sqs.create_queue(QueueName=deployment.dead_letters(kind))
        for kind in QUEUE_FED:
            sqs.create_queue(QueueName=deployment.queue(kind))
        new_session.called = []
        new_session.events.register(
            "before-call.lambda.Invoke", lambda params, **_: record_invocation(new_session, params)
        )
        monkeypatch.setattr(boto3, "Session", lambda: new_session)
        yield new_session


def record_invocation(session, params):
    session.called.append(
        (params["url_path"], params["headers"]["X-Amz-Invocation-Type"], json.loads(params["body"]))
    )
    return SimpleNamespace(status_code=202), {"StatusCode": 202}


def client(session, deployment):
    return session.client("sqs", region_name=deployment.accounts.region)


def url(session, name):
    return session.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]


def write(session, name, *bodies, **attributes):
    sent = {key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()}
    for body in bodies:
        text = body if isinstance(body, str) else json.dumps(body)
        session.client("sqs").send_message(
            QueueUrl=url(session, name), MessageBody=text, MessageAttributes=sent
        )


def message_count(session, name):
    attributes = {"AttributeNames": ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]}
    counts = session.client("sqs").get_queue_attributes(QueueUrl=url(session, name), **attributes)[
        "Attributes"
    ]
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "0"
    return int(counts["ApproximateNumberOfMessages"])


def redriven(session, deployment, *kinds):
    """Redrive, and return the summaries by function."""
    done = redrive(
        deployment, sqs=client(session, deployment), functions=session.client("lambda"), kinds=kinds
    )
    return {summary.kind: summary for summary in done}


def record(event, message="S3 is away"):
    """Return the record that Lambda writes for a failed event: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html"""
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


def test_message_that_sns_could_not_deliver_is_sent_to_its_queue(session, deployment):
    """The queue gets the message and attributes that SNS would have delivered, without SNS's envelope."""
    notification = finding().model_dump_json(by_alias=True)
    wrapped = {
        "Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:1:focuswatch-findings", "Message": notification,
        "MessageAttributes": {"change": {"Type": "String", "Value": "new"}},
    }  # fmt: skip
    write(session, deployment.dead_letters("slack"), wrapped)
    done = redriven(session, deployment, "slack")["slack"]
    assert (done.redriven, done.letters[0].subject) == (1, f"new {FINDING_TEXT}")
    sqs = session.client("sqs")
    (received,) = sqs.receive_message(
        QueueUrl=url(session, deployment.queue("slack")), MessageAttributeNames=["All"]
    )["Messages"]
    assert received["Body"] == notification
    assert received["MessageAttributes"]["change"]["StringValue"] == "new"


def test_dead_letters_are_sent_back_to_their_queue(session, deployment):
    """Each message keeps its body and attributes."""
    notification = finding().model_dump_json(by_alias=True)
    write(session, deployment.dead_letters("slack"), notification, change="new", news_id="a-1")
    write(session, deployment.dead_letters("spending"), *(f"letter {number}" for number in range(25)))
    visibility_changes = []
    session.events.register(
        "before-call.sqs.ChangeMessageVisibility", lambda **_: visibility_changes.append(True)
    )
    summaries = redriven(session, deployment, "slack", "spending", "jira")
    assert not visibility_changes  # sent messages are deleted
    assert {kind: one.redriven for kind, one in summaries.items()} == {"slack": 1, "spending": 25, "jira": 0}
    assert not any(message_count(session, deployment.dead_letters(kind)) for kind in summaries)
    assert message_count(session, deployment.queue("spending")) == 25
    (received,) = session.client("sqs").receive_message(
        QueueUrl=url(session, deployment.queue("slack")), MessageAttributeNames=["All"]
    )["Messages"]
    assert received["Body"] == notification
    assert {key: one["StringValue"] for key, one in received["MessageAttributes"].items()} == {
        "change": "new",
        "news_id": "a-1",
    }


def test_function_is_invoked_once_for_all_its_dead_letters(session, deployment):
    """The function in the pipeline's account gets the newest event, from Lambda's record or as EventBridge sent it."""
    write(session, deployment.dead_letters("detect"), record({"id": "old"}), record(EVENT))
    write(session, deployment.dead_letters("refresh"), EVENT, ERROR_CODE="NO_PERMISSIONS")
    summaries = redriven(session, deployment, "detect", "refresh", "publish")
    assert [one.redriven for one in summaries.values()] == [2, 1, 0]
    where = f"{deployment.accounts.region}%3A{deployment.accounts.pipeline}"
    assert session.called == [
        (
            f"/2015-03-31/functions/arn%3Aaws%3Alambda%3A{where}%3Afunction%3Afocuswatch-{kind}/invocations",
            "Event",
            EVENT,
        )
        for kind in ("detect", "refresh")
    ]
    assert not any(message_count(session, deployment.dead_letters(kind)) for kind in summaries)


def test_dead_letters_stay_if_lambda_refuses_the_event(session, deployment):
    """The letters become visible at once, the summary has the reason, and those of other functions are redriven."""
    refused = ClientError(
        {"Error": {"Code": "ResourceNotFoundException", "Message": "Function not found"}}, "Invoke"
    )

    def refuse(params, **_):
        if "detect" in params["url_path"]:
            raise refused

    session.events.register_first("before-call.lambda.Invoke", refuse)
    write(session, deployment.dead_letters("detect"), record(EVENT), record(EVENT))
    write(session, deployment.dead_letters("refresh"), record(EVENT))
    summaries = redriven(session, deployment, "detect", "refresh")
    assert (summaries["detect"].redriven, summaries["refresh"].redriven) == (0, 1)
    assert summaries["detect"].failures == ("ResourceNotFoundException: Function not found",) * 2
    assert message_count(session, deployment.dead_letters("detect")) == 2


def test_dead_letter_that_cannot_be_sent_stays_and_the_others_are_sent(session, deployment):
    """The letter is unchanged, and the next redrive sends it."""

    def too_long(params, **_):
        if "long" in json.loads(params["body"])["MessageBody"]:
            raise ClientError(
                {"Error": {"Code": "InvalidParameterValue", "Message": "too long"}}, "SendMessage"
            )

    write(session, deployment.dead_letters("jira"), "long", "short", "also short")
    session.events.register("before-call.sqs.SendMessage", too_long)
    summary = redriven(session, deployment, "jira")["jira"]
    assert (summary.redriven, summary.failures) == (2, ("InvalidParameterValue: too long",))
    assert (
        message_count(session, deployment.dead_letters("jira")),
        message_count(session, deployment.queue("jira")),
    ) == (1, 2)
    session.events.unregister("before-call.sqs.SendMessage", too_long)
    assert redriven(session, deployment, "jira")["jira"].redriven == 1


@pytest.mark.parametrize("operation", ["SendMessage", "DeleteMessage"])
def test_killed_redrive_loses_no_dead_letter(session, deployment, operation):
    """After a kill before or after sending, the next redrive sends the rest. One message may be sent twice."""
    bodies = [f"letter {number}" for number in range(12)]
    write(session, deployment.dead_letters("slack"), *bodies)
    calls = []

    def kill(**_):
        calls.append(operation)
        if len(calls) == 5:
            raise KeyboardInterrupt

    session.events.register(f"before-call.sqs.{operation}", kill)
    with pytest.raises(KeyboardInterrupt):
        redriven(session, deployment, "slack")
    session.events.unregister(f"before-call.sqs.{operation}", kill)
    redriven(session, deployment, "slack")
    assert not message_count(session, deployment.dead_letters("slack"))
    sent = message_count(session, deployment.queue("slack"))
    assert sent == (13 if operation == "DeleteMessage" else 12)
    bodies_received = set()
    for _ in range(sent):
        response = session.client("sqs").receive_message(QueueUrl=url(session, deployment.queue("slack")))
        bodies_received |= {message["Body"] for message in response["Messages"]}
    assert bodies_received == set(bodies)


def test_dead_letter_that_fails_again_at_once_is_redriven_once(session, deployment):
    """A redrive receives all letters before it sends the first one, so it ends."""
    dead = deployment.dead_letters("slack")
    write(session, dead, "one", "two")
    sqs = client(session, deployment)
    original_send = sqs.send_message

    def send(**arguments):
        original_send(**arguments)
        original_send(QueueUrl=url(session, dead), MessageBody=arguments["MessageBody"])

    sqs.send_message = send
    (summary,) = redrive(deployment, sqs=sqs, functions=None, kinds=["slack"])
    assert summary.redriven == 2
    assert message_count(session, dead) == 2


def test_listing_dead_letters_changes_nothing(session, deployment):
    """They are listed oldest first, and remain visible to other consumers."""
    write(session, deployment.dead_letters("slack"), "a", "b")
    for _ in range(2):
        (summary,) = list_dead_letters(deployment, sqs=client(session, deployment), kinds=["slack"])
        assert [letter.body for letter in summary.letters] == ["a", "b"]
        assert (summary.redriven, summary.failures) == (0, ())
        assert message_count(session, deployment.dead_letters("slack")) == 2


def test_redrive_receives_only_as_many_dead_letters_as_it_can_send_in_time(session, deployment, monkeypatch):
    """The others stay in the queue, and the summary says that there may be more."""
    monkeypatch.setattr("focuswatch.operations.redrive.dead_letter_queue.MAX_DEAD_LETTERS", 10)
    monkeypatch.setattr("focuswatch.operations.redrive.MAX_DEAD_LETTERS", 10)
    write(session, deployment.dead_letters("slack"), *map(str, range(15)))
    summary = redriven(session, deployment, "slack")["slack"]
    assert (summary.redriven, summary.may_have_more) == (10, True)
    summary = redriven(session, deployment, "slack")["slack"]
    assert (summary.redriven, summary.may_have_more) == (5, False)


UNKNOWN = "see the function's log"


@pytest.mark.parametrize(
    ("body", "attributes", "subject", "reason"),
    [
        (record(EVENT), {}, "Refreshed", "S3 is away"),
        (record(EVENT) | {"responsePayload": None}, {}, "Refreshed", "RetriesExhausted"),
        (EVENT, {"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "no"}, "Refreshed", "NO_PERMISSIONS: no"),
        (finding().model_dump_json(by_alias=True), {"change": "changed"}, f"changed {FINDING_TEXT}", UNKNOWN),
        (finding().model_dump_json(by_alias=True), {}, f"new {FINDING_TEXT}", UNKNOWN),
        ("AWS Budget Notification", {}, "a message", UNKNOWN),
        ("[1]", {}, "a message", UNKNOWN),
    ],
)
def test_dead_letter_has_a_subject_and_a_reason(session, deployment, body, attributes, subject, reason):
    """If Lambda, EventBridge or SNS recorded no reason, the text refers to the function's log."""
    write(session, deployment.dead_letters("publish"), body, **attributes)
    (summary,) = list_dead_letters(deployment, sqs=client(session, deployment), kinds=["publish"])
    assert [(letter.subject, letter.reason) for letter in summary.letters] == [(subject, reason)]


def command(deployment, monkeypatch, *arguments):
    monkeypatch.setattr(Deployment, "load", lambda path: deployment)
    return CliRunner().invoke(app, ["redrive", *arguments])


def test_command_prints_the_dead_letters_and_the_result(session, deployment, monkeypatch):
    write(
        session,
        deployment.dead_letters("detect"),
        record({"id": "0"}, "no table"),
        record({"id": "1"}),
        record(EVENT),
    )
    write(session, deployment.dead_letters("slack"), finding().model_dump_json(by_alias=True), change="new")
    dry_run = command(deployment, monkeypatch, "--dry-run")
    assert dry_run.exit_code == 0
    assert dry_run.stdout.splitlines() == [
        "detect: 3 dead letters, oldest 0 minutes ago",
        "  2 × S3 is away (newest: Refreshed)",
        "  1 × no table (newest: a message)",
        "slack: 1 dead letter, oldest 0 minutes ago",
        f"  1 × see the function's log (newest: new idle_sagemaker_endpoint {finding().fingerprint})",
    ]
    assert not session.called
    done = command(deployment, monkeypatch)
    assert done.exit_code == 0
    assert [line for line in done.stdout.splitlines() if "sent" in line or "replayed" in line] == [
        "  3 replayed by invoking focuswatch-detect once",
        "  1 sent to queue focuswatch-slack",
    ]
    assert command(deployment, monkeypatch, "slack").stdout == "There are no dead letters for slack.\n"


@pytest.mark.parametrize(
    ("waited", "age"),
    [({"minutes": 119}, "119 minutes"), ({"hours": 47}, "47 hours"), ({"days": 13}, "13 days")],
)
def test_age_has_a_suitable_unit(session, deployment, monkeypatch, waited, age):
    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(**waited)

    write(session, deployment.dead_letters("slack"), "a")
    monkeypatch.setattr("focuswatch.cli.redrive_command.datetime", Later)
    assert f"oldest {age} ago" in command(deployment, monkeypatch, "slack", "--dry-run").stdout


def test_command_exits_with_1_if_dead_letters_remain(session, deployment, monkeypatch):
    def refuse(**_):
        raise ClientError(
            {"Error": {"Code": "TooManyRequestsException", "Message": "\x1b[2J slow down"}}, "Invoke"
        )

    session.events.register_first("before-call.lambda.Invoke", refuse)
    write(session, deployment.dead_letters("detect"), record(EVENT))
    failed = command(deployment, monkeypatch, "detect")
    assert failed.exit_code == 1
    assert "  0 replayed by invoking focuswatch-detect once; 1 remaining:" in failed.stdout
    assert "    1 × TooManyRequestsException: \N{REPLACEMENT CHARACTER}[2J slow down" in failed.stdout


def test_invalid_use_is_refused_with_the_fix(session, deployment, monkeypatch):
    """For a function without a dead-letter queue, and in an account without the deployment's queues."""
    wrong = command(deployment, monkeypatch, "answer")
    assert "'answer' has no dead-letter queue. Expected one of: refresh, collect" in str(wrong.exception)
    elsewhere = deployment.model_copy(update={"name": "elsewhere"})
    missing = command(elsewhere, monkeypatch)
    assert f"Set AWS_PROFILE to a profile for account {deployment.accounts.pipeline}" in str(
        missing.exception
    )
