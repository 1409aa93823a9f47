"""Messages on the SNS topics fit every limit whatever names a bill contains, and none is lost at a timeout."""

import json
import re
from datetime import timedelta

import boto3
import pytest
from moto import mock_aws

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_from_row import to_finding
from focuswatch.ledger import decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.notify.publish_pending_to_sns import Topics, publish
from tests.given.golden_files import assert_golden
from tests.given.lambda_context import LambdaContext
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import DAY, finding, run

# SQS accepts the characters of https://www.w3.org/TR/REC-xml/#charsets.
SQS_CHARACTERS = (range(0x20, 0xD800), range(0xE000, 0xFFFE), range(0x10000, 0x110000), (0x9, 0xA, 0xD))


class SNS:
    """Records every published message."""

    def __init__(self):
        self.sent = []

    def publish(self, **request):
        self.sent.append(request)


@pytest.mark.parametrize("character", ["\x01", "\ufffe", "\uffff", "\x1f", "\U0001f600", "é"])
def test_every_name_from_a_bill_is_accepted_by_the_queue(character):
    """Otherwise SNS would drop the finding silently."""
    hostile = finding(resource=f"a{character}b").model_copy(
        update={"region_id": f"eu{character}", "team": character}
    )
    with mock_aws():
        ledger, sns = DynamoLedger(ledger_table()), SNS()
        ledger.update(lambda entries, suppressions: decide(entries, suppressions, run(hostile)), evaluated=())
        publish(
            ledger, sns=sns, topics=Topics("findings", {"new_region": "new-region"}), progress=lambda _: None
        )
    (sent,) = sns.sent
    values = [one["StringValue"] for one in sent["MessageAttributes"].values()]
    for text in (sent["Message"], *values):
        assert text
        assert all(any(ord(one) in part for part in SQS_CHARACTERS) for one in text), ascii(text)
    assert Finding.model_validate_json(sent["Message"]).resource_id == f"a{character}b"


def published_messages(*findings):
    """Return the messages that SNS receives for these findings."""
    with mock_aws():
        ledger, sns = DynamoLedger(ledger_table()), SNS()
        scan_run = run(*findings, ran=("new_region", "idle_sagemaker_endpoint"))
        ledger.update(lambda entries, suppressions: decide(entries, suppressions, scan_run), evaluated=())
        publish(
            ledger, sns=sns, topics=Topics("findings", {"new_region": "new-region"}), progress=lambda _: None
        )
    return sns.sent


def new_region(account_name):
    row = {
        "sub_account_id": "111122223333",
        "region_id": "ap-southeast-5",
        "resource_id": None,
        "monthly_cost": 412.5,
        "service_name": None,
        "first_day": "2026-03-28",
        "last_day": "2026-03-30",
        "services": ["Amazon Elastic Compute Cloud", "Amazon Bedrock"],
        "approved": False,
    }
    names = {"111122223333": account_name} if account_name else {}
    detection = Catalog.load().detection("new_region")
    return to_finding(row, detection=detection, as_of=DAY, currency="USD", account_names=names)


def test_messages_have_attributes_to_filter_on():
    """With raw message delivery, SNS allows at most ten."""
    (sent,) = published_messages(finding(team="search"))
    attributes = {name: one["StringValue"] for name, one in sent["MessageAttributes"].items()}
    assert attributes.pop("news_id").startswith(finding(team="search").fingerprint)
    assert attributes == {
        "change": "new",
        "detection": "idle_sagemaker_endpoint",
        "category": "waste",
        "severity": "medium",
        "team": "search",
        "account": "111122223333",
        "region": "us-east-1",
        "incident": finding().fingerprint,
        "incident_lead": "true",
    }
    assert len(attributes) + 1 == 10  # including `news_id`


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Café \N{ROCKET} prod", "Cafe prod"),
        ("\N{CJK UNIFIED IDEOGRAPH-672C}\N{CJK UNIFIED IDEOGRAPH-756A}", "111122223333"),
        ("two\nlines", "111122223333"),
        ("what?", "what?"),
        (None, "111122223333"),
    ],
)
def test_subject_has_the_account_id_if_the_name_cannot_be_ascii(name, shown):
    """SNS accepts only printable ASCII in a subject."""
    mail, _ = published_messages(new_region(name))
    assert mail["Subject"] == f"First charge in a new region: {shown}, ap-southeast-5"


def test_email_of_a_finding_without_account_and_region_says_none():
    """An email must not show `None`."""
    nowhere = new_region(None).model_copy(update={"sub_account_id": None, "region_id": None})
    mail, _ = published_messages(nowhere)
    assert "Account: none\nRegion: none\n" in json.loads(mail["Message"])["email"]


def test_new_region_is_published_as_mail_and_as_json():
    """One message to the topic of the security team contains both; the findings topic gets the notification too."""
    mail, notification = published_messages(new_region("payments-prod \N{ROCKET}"))
    assert (mail["TopicArn"], notification["TopicArn"]) == ("new-region", "findings")
    document = json.loads(mail["Message"])
    assert (mail["MessageStructure"], document.keys()) == ("json", {"default", "email"})
    assert Finding.model_validate_json(document["default"]) == Finding.model_validate_json(
        notification["Message"]
    )
    assert mail["Subject"] == "First charge in a new region: payments-prod, ap-southeast-5"
    text = f"Subject: {mail['Subject']}\n\n{document['email']}"
    assert_golden("new_region.mail.txt", text)


def test_very_long_evidence_is_published():
    """With 20,000 ARNs, DynamoDB accepts the item with five pending notifications, and SNS accepts the message."""
    detection = Catalog.load().detection("new_region")
    columns = re.findall(r"{(\w+)}", detection.header.reason + detection.header.action)
    arn = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/é\N{FIRE}"
    row = dict.fromkeys(columns, "x" * 300_000) | {"charged": [arn * 3] * 20_000, "monthly_cost": 1.0}
    row |= {"sub_account_id": "1", "region_id": "r", "resource_id": "\N{FIRE}" * 300_000}
    finding = to_finding(row, detection=detection, as_of=DAY, currency="USD", account_names={})
    with mock_aws():
        sns = boto3.client("sns", region_name="us-east-1")
        arns = [sns.create_topic(Name=name)["TopicArn"] for name in ("findings", "new-region")]
        topics = Topics(arns[0], {"new_region": arns[1]})
        ledger = DynamoLedger(ledger_table())
        for number in range(5):
            grown = finding.model_copy(update={"monthly_cost": finding.monthly_cost + 1000 * 2**number})
            scan_run = run(grown, on=DAY + timedelta(days=number), ran=("new_region",))
            ledger.update(
                lambda entries, suppressions, scan_run=scan_run: decide(entries, suppressions, scan_run),
                evaluated=(),
            )
        published = publish(ledger, sns=sns, topics=topics, progress=lambda _: None)
    assert (published.sent, published.failed) == (5, {})


def ledger_with_hundred_pending():
    """Return a ledger with a hundred pending notifications."""
    ledger = DynamoLedger(ledger_table())
    findings = [finding(resource=f"r-{number}") for number in range(100)]
    ledger.update(lambda entries, suppressions: decide(entries, suppressions, run(*findings)), evaluated=())
    return ledger


def test_publish_stops_before_the_timeout():
    """No notification is lost, and none is sent twice."""
    with mock_aws():
        ledger, sns = ledger_with_hundred_pending(), SNS()
        options = {
            "sns": sns,
            "topics": Topics("findings", {"new_region": "new-region"}),
            "progress": lambda _: None,
        }
        first = publish(ledger, **options, may_go_on=lambda: len(sns.sent) < 30)
        assert (first.sent, first.unfinished, ledger.pending_count()) == (30, True, 70)
        second = publish(ledger, **options)
    assert (second.sent, second.unfinished) == (70, False)
    assert len({one["MessageAttributes"]["news_id"]["StringValue"] for one in sns.sent}) == 100


@pytest.mark.parametrize(("seconds", "sent", "reruns"), [(300, 100, 0), (161, 50, 1), (61, 0, 0)])
def test_function_ends_before_its_timeout_and_runs_again(monkeypatch, seconds, sent, reruns):
    """Its event starts the next run, unless nothing was sent: then the schedule does."""
    announced = []
    with mock_aws():
        ledger = ledger_with_hundred_pending()
        topics = {name: boto3.client("sns", "us-east-1").create_topic(Name=name)["TopicArn"] for name in "ab"}
        for name, value in {
            "AWS_DEFAULT_REGION": "us-east-1",
            "FOCUSWATCH_LEDGER": "ledger",
            "POWERTOOLS_TRACE_DISABLED": "1",
            "POWERTOOLS_SERVICE_NAME": "publish",
            "POWERTOOLS_METRICS_NAMESPACE": "focuswatch",
            "FOCUSWATCH_FINDINGS_TOPIC": topics["a"],
            "FOCUSWATCH_DETECTION_TOPICS": json.dumps({"new-region": topics["b"]}),
        }.items():
            monkeypatch.setenv(name, value)
        from lambdas import publish_pending_notifications_to_sns
        from lambdas.lambda_run_lease_event_bus_and_heartbeat import LambdaRun

        monkeypatch.setattr(LambdaRun, "announce", lambda _run, what, _detail: announced.append(what))
        heartbeat = publish_pending_notifications_to_sns.handler(
            {}, LambdaContext(seconds_left=seconds, seconds_per_call=2)
        )
        assert ledger.pending_count() == 100 - sent
    assert (heartbeat["notified"], announced) == (sent, ["Detected"] * reruns)
