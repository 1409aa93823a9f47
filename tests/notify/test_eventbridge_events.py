"""Events about findings on EventBridge: what rules see, and that none is lost where EventBridge rejects one."""

import json

import boto3
import pytest
from moto import mock_aws

from focuswatch.ledger import decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.notify.eventbridge_events import FindingEvents
from focuswatch.notify.publish_pending_to_sns import Topics, publish
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding, run

REGION = "us-east-1"
SOURCE = "focuswatch.findings"
FAILED = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate"}]}
TAKEN = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}


class Calls:
    """Both services, in one order; `results` are those of the next calls of EventBridge."""

    def __init__(self, *results):
        self.made, self.results = [], list(results)

    def put_events(self, *, Entries):  # noqa: N803
        self.made.append(Entries[0]["DetailType"])
        return self.results.pop(0) if self.results else TAKEN

    def publish(self, **asked):
        self.made.append("sns")


def published(ledger, calls):
    return publish(
        ledger, sns=calls, topics=Topics("findings", {}), progress=lambda _: None,
        events=FindingEvents(calls, SOURCE),
    )  # fmt: skip


@pytest.fixture
def ledger():
    with mock_aws():
        made = DynamoLedger(ledger_table())
        made.update(lambda known, silences: decide(known, silences, run(finding())), evaluated=())
        yield made


def test_event_is_put_before_the_notification_is_published(ledger):
    """If EventBridge fails, no subscriber of SNS gets the notification twice."""
    calls = Calls()
    assert published(ledger, calls).sent == 1
    assert calls.made == ["focuswatch finding new", "sns"]
    assert published(ledger, calls).sent == 0


def test_entry_that_fails_in_a_successful_request_is_put_again(ledger):
    calls = Calls(FAILED, FAILED)
    assert published(ledger, calls).failed == {}
    assert calls.made == ["focuswatch finding new"] * 3 + ["sns"]


def test_event_that_is_rejected_stays_pending_and_is_put_by_the_next_run(ledger):
    calls = Calls(*[FAILED] * 3)
    (reason,) = published(ledger, calls).failed.values()
    assert "ThrottlingException" in reason
    assert "sns" not in calls.made
    assert ledger.pending_count() == 1
    assert published(ledger, calls).sent == 1
    assert ledger.pending_count() == 0


def test_rules_match_on_fields_of_the_finding(ledger):
    """As a team would: by severity, to a queue of its own."""
    events, sqs = boto3.client("events", region_name=REGION), boto3.client("sqs", region_name=REGION)
    url = sqs.create_queue(QueueName="rule")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for name, severity in (("medium", "medium"), ("critical", "critical")):
        pattern = {"source": [SOURCE], "detail": {"severity": [severity]}}
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    publish(
        ledger, sns=Calls(), topics=Topics("findings", {}), progress=lambda _: None,
        events=FindingEvents(events, SOURCE),
    )  # fmt: skip
    (message,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    event = json.loads(message["Body"])
    assert (event["detail-type"], event["source"]) == ("focuswatch finding new", SOURCE)
    assert event["resources"] == [finding().resource_id]
    assert event["detail"]["news_id"].startswith(f"{finding().fingerprint}-")
    assert event["detail"] | {"news_id": ""} == {
        "news_id": "", **finding().model_dump(mode="json", by_alias=True),
    }  # fmt: skip
