"""Events about findings on EventBridge: rules can match on the finding, and no rejected event is lost."""

import json

import boto3
import pytest
from moto import mock_aws

from focuswatch.ledger import decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.notify.publish_pending_to_sns import Topics, publish
from focuswatch.notify.put_finding_on_eventbridge import FindingEvents
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding, run

REGION = "us-east-1"
SOURCE = "focuswatch.findings"
FAILED = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate"}]}
ACCEPTED = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}


class Calls:
    """EventBridge and SNS, whose calls are recorded in order; `results` are the next results of EventBridge."""

    def __init__(self, *results):
        self.order, self.results = [], list(results)

    def put_events(self, *, Entries):  # noqa: N803
        self.order.append(Entries[0]["DetailType"])
        return self.results.pop(0) if self.results else ACCEPTED

    def publish(self, **request):
        self.order.append("sns")


def publish_with_events(ledger, calls):
    return publish(
        ledger,
        sns=calls,
        topics=Topics("findings", {}),
        progress=lambda _: None,
        events=FindingEvents(calls, SOURCE),
    )


@pytest.fixture
def ledger():
    with mock_aws():
        ledger = DynamoLedger(ledger_table())
        ledger.update(
            lambda entries, suppressions: decide(entries, suppressions, run(finding())), evaluated=()
        )
        yield ledger


def test_event_is_put_before_the_notification_is_published(ledger):
    """If EventBridge fails, no subscriber of SNS gets the notification twice."""
    calls = Calls()
    assert publish_with_events(ledger, calls).sent == 1
    assert calls.order == ["focuswatch finding new", "sns"]
    assert publish_with_events(ledger, calls).sent == 0


def test_entry_that_fails_in_a_successful_request_is_put_again(ledger):
    calls = Calls(FAILED, FAILED)
    assert publish_with_events(ledger, calls).failed == {}
    assert calls.order == ["focuswatch finding new"] * 3 + ["sns"]


def test_rejected_event_stays_pending_and_is_put_by_the_next_run(ledger):
    calls = Calls(*[FAILED] * 3)
    (reason,) = publish_with_events(ledger, calls).failed.values()
    assert "ThrottlingException" in reason
    assert "sns" not in calls.order
    assert ledger.pending_count() == 1
    assert publish_with_events(ledger, calls).sent == 1
    assert ledger.pending_count() == 0


def test_rules_match_on_fields_of_the_finding(ledger):
    """A team can route events by severity to its own queue."""
    events, sqs = boto3.client("events", region_name=REGION), boto3.client("sqs", region_name=REGION)
    url = sqs.create_queue(QueueName="rule")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for name, severity in (("medium", "medium"), ("critical", "critical")):
        pattern = {"source": [SOURCE], "detail": {"severity": [severity]}}
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    publish(
        ledger,
        sns=Calls(),
        topics=Topics("findings", {}),
        progress=lambda _: None,
        events=FindingEvents(events, SOURCE),
    )
    (message,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    event = json.loads(message["Body"])
    assert (event["detail-type"], event["source"]) == ("focuswatch finding new", SOURCE)
    assert event["resources"] == [finding().resource_id]
    assert event["detail"]["news_id"].startswith(f"{finding().fingerprint}-")
    assert event["detail"] | {"news_id": ""} == {
        "news_id": "",
        **finding().model_dump(mode="json", by_alias=True),
    }
