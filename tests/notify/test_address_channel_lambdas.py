"""The functions of channels as Lambda invokes them: from environment variables to the delivered notification."""

import json
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws

from tests.given.lambda_context import LambdaContext
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding
from tests.given.slack_world import notification

REGION = "us-east-1"
ACCOUNT = "123456789012"  # the account of moto
SENDER = "focuswatch@acme.example"


@pytest.fixture
def deployed(monkeypatch, tmp_path):
    """Deploy the ledger and the queues; `route_search_to` writes owners.toml with a channel for team search."""
    with mock_aws():
        ledger_table()
        sqs = boto3.client("sqs", region_name=REGION)
        for name, value in {
            "AWS_DEFAULT_REGION": REGION,
            "FOCUSWATCH_LEDGER": "ledger",
            "FOCUSWATCH_NAME": "focuswatch",
            "FOCUSWATCH_ACCOUNT": ACCOUNT,
            "FOCUSWATCH_BUCKET": "data",
            "FOCUSWATCH_EMAIL_SENDER": SENDER,
            "FOCUSWATCH_EMAIL_DAILY_LIMIT": "20",
            "FOCUSWATCH_WEBHOOK_SECRET": "focuswatch/webhook",
            "POWERTOOLS_TRACE_DISABLED": "1",
            "POWERTOOLS_METRICS_NAMESPACE": "focuswatch",
            "POWERTOOLS_SERVICE_NAME": "channel",
            "FOCUSWATCH_QUEUE": sqs.create_queue(QueueName="work")["QueueUrl"],
            "FOCUSWATCH_DEAD_LETTERS": sqs.create_queue(QueueName="dead")["QueueUrl"],
        }.items():
            monkeypatch.setenv(name, value)

        from lambdas import clients_and_resources_from_environment

        monkeypatch.setattr(clients_and_resources_from_environment, "OWNERS", tmp_path / "owners.toml")

        def route_search_to(channel):
            (tmp_path / "owners.toml").write_text(f'[teams.search]\nchannel = "{channel}"\n')

        yield SimpleNamespace(route_search_to=route_search_to)


def deliver(module, delivery):
    """Invoke a function with a notification. Return the ids to retry, and the bodies of the dead letters."""
    sqs = boto3.client("sqs", region_name=REGION)
    attributes = {"news_id": delivery.notification_id, "change": delivery.kind}
    record = {
        "messageId": "m1",
        "receiptHandle": "r1",
        "body": delivery.finding.model_dump_json(by_alias=True),
        "attributes": {"SentTimestamp": "0", "ApproximateReceiveCount": "1"},
        "messageAttributes": {
            name: {"dataType": "String", "stringValue": value} for name, value in attributes.items()
        },
    }
    response = module.handler({"Records": [record]}, LambdaContext())
    dead_letters = sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName="dead")["QueueUrl"]).get(
        "Messages", []
    )
    return [one["itemIdentifier"] for one in response["batchItemFailures"]], [
        one["Body"] for one in dead_letters
    ]


def test_email_function_mails_the_owner(deployed):
    from lambdas import email_send_findings

    ses = boto3.client("sesv2", region_name=REGION)
    ses.create_email_identity(EmailIdentity=SENDER)
    deployed.route_search_to("mailto:finance@acme.example")
    assert deliver(email_send_findings, notification(finding(team="search"))) == ([], [])
    quota = boto3.client("ses", region_name=REGION).get_send_quota()
    assert quota["SentLast24Hours"] == 1


def test_security_hub_function_imports_the_finding(deployed):
    from lambdas import securityhub_send_findings

    client = boto3.client("securityhub", region_name=REGION)
    client.enable_security_hub()
    intrusion = finding(category="security", detection="gpu_burst")
    assert deliver(securityhub_send_findings, notification(intrusion)) == ([], [])
    (imported,) = client.get_findings()["Findings"]
    assert (imported["RecordState"], imported["AwsAccountId"]) == ("ACTIVE", ACCOUNT)


def test_ocsf_function_writes_the_record(deployed):
    from lambdas import ocsf_findings_to_s3

    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket="data")
    assert deliver(ocsf_findings_to_s3, notification(finding(category="security"))) == ([], [])
    assert [one["Key"][:5] for one in s3.list_objects_v2(Bucket="data")["Contents"]] == ["ocsf/"]


def test_webhook_function_refuses_an_address_that_is_not_public(deployed):
    """The dead letter keeps the finding until an operator corrects owners.toml."""
    from lambdas import webhook_send_signed_cloudevents

    secret = json.dumps({"localhost": "whsec_" + "QUJD" * 12})
    boto3.client("secretsmanager", region_name=REGION).create_secret(
        Name="focuswatch/webhook", SecretString=secret
    )
    deployed.route_search_to("https://localhost/latest/meta-data/")
    delivery = notification(finding(team="search"))
    retried, (dead_letter,) = deliver(webhook_send_signed_cloudevents, delivery)
    assert (retried, json.loads(dead_letter)["fingerprint"]) == ([], delivery.finding.fingerprint)


def test_publish_puts_events_only_if_they_are_configured(monkeypatch):
    from lambdas.lambda_run_lease_event_bus_and_heartbeat import LambdaRun

    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("FOCUSWATCH_FINDING_EVENTS", raising=False)
    assert LambdaRun("publish").finding_events() is None
    monkeypatch.setenv("FOCUSWATCH_FINDING_EVENTS", "focuswatch.findings")
    assert LambdaRun("publish").finding_events().source == "focuswatch.findings"
