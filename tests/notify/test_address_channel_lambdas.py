"""The functions of channels as Lambda calls them: from their environment to what the channel shows."""

import json

import boto3
import pytest
from moto import mock_aws

from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding
from tests.given.slack_world import notification

REGION = "us-east-1"
ACCOUNT = "123456789012"  # moto's
SENDER = "focuswatch@acme.example"


class Context:
    """The context that Lambda passes to a function."""

    function_name = "f"
    memory_limit_in_mb = 1
    invoked_function_arn = "arn"
    aws_request_id = "1"

    def get_remaining_time_in_millis(self):
        return 300_000


@pytest.fixture
def deployed(monkeypatch, tmp_path):
    """An account with the ledger and the queues; the function that sets owners.toml."""
    with mock_aws():
        ledger_table()
        sqs = boto3.client("sqs", region_name=REGION)
        for name, value in {
            "AWS_DEFAULT_REGION": REGION, "FOCUSWATCH_LEDGER": "ledger", "FOCUSWATCH_NAME": "focuswatch",
            "FOCUSWATCH_ACCOUNT": ACCOUNT, "FOCUSWATCH_BUCKET": "data", "FOCUSWATCH_EMAIL_SENDER": SENDER,
            "FOCUSWATCH_EMAIL_DAILY_LIMIT": "20", "FOCUSWATCH_WEBHOOK_SECRET": "focuswatch/webhook",
            "POWERTOOLS_TRACE_DISABLED": "1", "POWERTOOLS_METRICS_NAMESPACE": "focuswatch",
            "POWERTOOLS_SERVICE_NAME": "channel",
            "FOCUSWATCH_QUEUE": sqs.create_queue(QueueName="work")["QueueUrl"],
            "FOCUSWATCH_DEAD_LETTERS": sqs.create_queue(QueueName="dead")["QueueUrl"],
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)

        from lambdas import deployment_resources

        monkeypatch.setattr(deployment_resources, "OWNERS", tmp_path / "owners.toml")

        def route(channel):
            (tmp_path / "owners.toml").write_text(f'[teams.search]\nchannel = "{channel}"\n')

        yield route


def delivered(module, delivery):
    """Send a notification through a function; the ids that are retried, and the dead letters."""
    sqs = boto3.client("sqs", region_name=REGION)
    attributes = {"news_id": delivery.news_id, "change": delivery.kind}
    record = {
        "messageId": "m1", "receiptHandle": "r1", "body": delivery.finding.model_dump_json(by_alias=True),
        "attributes": {"SentTimestamp": "0", "ApproximateReceiveCount": "1"},
        "messageAttributes": {
            name: {"dataType": "String", "stringValue": value} for name, value in attributes.items()
        },
    }  # fmt: skip
    response = module.handler({"Records": [record]}, Context())
    dead = sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName="dead")["QueueUrl"]).get("Messages", [])
    return [one["itemIdentifier"] for one in response["batchItemFailures"]], [one["Body"] for one in dead]


def test_email_function_mails_the_owner(deployed):
    from lambdas import email

    ses = boto3.client("sesv2", region_name=REGION)
    ses.create_email_identity(EmailIdentity=SENDER)
    deployed("mailto:finance@acme.example")
    assert delivered(email, notification(finding(team="search"))) == ([], [])
    quota = boto3.client("ses", region_name=REGION).get_send_quota()
    assert quota["SentLast24Hours"] == 1


def test_security_hub_function_imports_the_finding(deployed):
    from lambdas import securityhub

    client = boto3.client("securityhub", region_name=REGION)
    client.enable_security_hub()
    found = finding(category="security", detection="gpu_burst")
    assert delivered(securityhub, notification(found)) == ([], [])
    (shown,) = client.get_findings()["Findings"]
    assert (shown["RecordState"], shown["AwsAccountId"]) == ("ACTIVE", ACCOUNT)


def test_ocsf_function_writes_the_record(deployed):
    from lambdas import ocsf_findings_to_s3

    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket="data")
    assert delivered(ocsf_findings_to_s3, notification(finding(category="security"))) == ([], [])
    assert [one["Key"][:5] for one in s3.list_objects_v2(Bucket="data")["Contents"]] == ["ocsf/"]


def test_webhook_function_refuses_an_address_that_is_not_public(deployed):
    """Its dead letter keeps the finding until the operator has corrected owners.toml."""
    from lambdas import webhook

    secret = json.dumps({"localhost": "whsec_" + "QUJD" * 12})
    boto3.client("secretsmanager", region_name=REGION).create_secret(
        Name="focuswatch/webhook", SecretString=secret
    )
    deployed("https://localhost/latest/meta-data/")
    delivery = notification(finding(team="search"))
    retried, (dead,) = delivered(webhook, delivery)
    assert (retried, json.loads(dead)["fingerprint"]) == ([], delivery.finding.fingerprint)


def test_publish_puts_events_only_if_they_are_configured(monkeypatch):
    from lambdas.run_lease_and_heartbeat import LambdaRun

    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("FOCUSWATCH_FINDING_EVENTS", raising=False)
    assert LambdaRun("publish").finding_events() is None
    monkeypatch.setenv("FOCUSWATCH_FINDING_EVENTS", "focuswatch.findings")
    assert LambdaRun("publish").finding_events().source == "focuswatch.findings"
