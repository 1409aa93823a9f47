"""The Lambda functions of Teams and PagerDuty: from a queue to the channel, and from a response to the ledger."""

import importlib
import json
import os
from contextlib import ExitStack
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws

from focuswatch.ledger import decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.ledger.notification_and_pending_notification_models import Notification, PendingNotification
from focuswatch.notify.publish_pending_to_sns import message_attributes
from focuswatch.notify.teams.submitted_link_response_as_queue_message import LinkResponse
from focuswatch.operations.lambda_function_groups_and_modules import module_of
from focuswatch.owners.owners_file import Owners
from tests.fakes.local_json_service import serving
from tests.fakes.local_pagerduty import LocalPagerDuty
from tests.fakes.local_teams import LocalTeams, seen
from tests.given.lambda_context import LambdaContext
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding, run

OWNERS = Owners.model_validate(
    {"teams": {"search": {"channels": [{"to": "teams:search"}, {"to": "pagerduty:oncall"}]}}}
)
FINDING = finding(team="search")


@pytest.fixture
def deployed(monkeypatch):
    """Deploy the ledger table, the queues, the secrets, both channels and owners.toml.

    `dead_letters` returns the bodies in the dead-letter queue.
    """
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_TRACE_DISABLED": "1",
        "POWERTOOLS_METRICS_NAMESPACE": "it",
        "POWERTOOLS_SERVICE_NAME": "it",
        "FOCUSWATCH_LEDGER": "ledger",
        "FOCUSWATCH_LINK_URL": "https://links.example.com/",
        "FOCUSWATCH_TEAMS_SECRET": "teams",
        "FOCUSWATCH_PAGERDUTY_SECRET": "pagerduty",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "FOCUSWATCH_SLACK_SECRET"):
        monkeypatch.delenv(name, raising=False)
    from aws_lambda_powertools.utilities import parameters

    from lambdas.lambda_run_lease_event_bus_and_heartbeat import LambdaRun

    monkeypatch.setattr(LambdaRun, "owners", OWNERS)
    with ExitStack() as stack:
        stack.enter_context(mock_aws())
        parameters.clear_caches()
        teams = stack.enter_context(serving(LocalTeams({"/search": "search"}, lambda: 0.0)))
        teams.limit = None
        pagerduty = stack.enter_context(serving(LocalPagerDuty({"k" * 32: "oncall"})))
        secrets = {
            "teams": {"webhooks": {"search": teams.url("search")}, "signing_secret": "s" * 32},
            "pagerduty": {"routing_keys": {"oncall": "k" * 32}, "api": pagerduty.address},
        }
        for name, value in secrets.items():
            boto3.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(value))
        sqs = boto3.client("sqs")
        for variable in ("FOCUSWATCH_QUEUE", "FOCUSWATCH_DEAD_LETTERS"):
            monkeypatch.setenv(variable, sqs.create_queue(QueueName=variable)["QueueUrl"])
        table = ledger_table()
        DynamoLedger(table).update(
            lambda entries, suppressions: decide(entries, suppressions, run(FINDING)), evaluated=()
        )

        def dead_letters():
            url = os.environ["FOCUSWATCH_DEAD_LETTERS"]
            received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
            return [one["Body"] for one in received.get("Messages", [])]

        yield SimpleNamespace(teams=teams, pagerduty=pagerduty, table=table, dead_letters=dead_letters)
        parameters.clear_caches()


def notification_record():
    """Return the SQS record of the notification that `publish` sends about the finding."""
    pending = PendingNotification(1, None, Notification(kind="new", finding=FINDING))
    attributes = {
        name: {"stringValue": one["StringValue"], "dataType": "String"}
        for name, one in message_attributes(pending).items()
    }
    return sqs_record(FINDING.model_dump_json(by_alias=True), attributes)


def sqs_record(body, attributes=None):
    return {
        "messageId": "m",
        "receiptHandle": "r",
        "body": body,
        "messageAttributes": attributes or {},
        "attributes": {"SentTimestamp": "0", "ApproximateReceiveCount": "1"},
    }


def invoke(name, *records):
    module = importlib.import_module(module_of(name))
    return module.handler({"Records": list(records)}, LambdaContext())


def test_the_function_of_each_channel_delivers_a_published_notification(deployed):
    """A notification that the queue delivers twice is delivered once."""
    for name in ("teams", "pagerduty"):
        assert invoke(name, notification_record(), notification_record()) == {"batchItemFailures": []}
    assert [len(deployed.teams.cards("search")), len(deployed.pagerduty.of("oncall"))] == [1, 1]
    assert "https://links.example.com/action?" in deployed.teams.cards("search")[0]["actions"][0]["url"]


def test_record_stores_a_response_from_a_link_and_shows_it_in_both_channels(deployed):
    """Slack is not configured."""
    for name in ("teams", "pagerduty"):
        invoke(name, notification_record())
    response = LinkResponse("id", "acknowledge", FINDING.fingerprint, "search", "Anna Ek")
    assert invoke("record", sqs_record(response.to_json())) == {"batchItemFailures": []}
    entry = DynamoLedger(deployed.table).entries()[FINDING.fingerprint]
    assert entry.acknowledged_by == "Anna Ek (via Teams link)"
    assert deployed.pagerduty.alerts[0].status == "acknowledged"
    assert "Anna Ek (via Teams link) acknowledged" in seen(deployed.teams.cards("search")[-1])


def test_a_response_is_shown_in_pagerduty_after_an_outage(deployed):
    """The queue delivers the response again, and it is recorded once."""
    for name in ("teams", "pagerduty"):
        invoke(name, notification_record())
    response = sqs_record(LinkResponse("id", "snooze_7", FINDING.fingerprint, "search", "Anna").to_json())
    deployed.pagerduty.faults.queued = ["down"]
    assert invoke("record", response) == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    assert invoke("record", response) == {"batchItemFailures": []}
    assert deployed.pagerduty.alerts[0].status == "acknowledged"
    assert len(DynamoLedger(deployed.table).suppressions()) == 1


def test_a_malformed_response_becomes_a_dead_letter(deployed):
    """Retrying it would not help."""
    assert invoke("record", sqs_record("[]"), sqs_record("{}"), sqs_record("no")) == {"batchItemFailures": []}
    assert sorted(deployed.dead_letters()) == ["[]", "no", "{}"]
