"""What a message of the findings topic may hold, whatever names a bill has."""

import re
from datetime import timedelta

import boto3
import pytest
from moto import mock_aws

from focuswatch.catalog import Catalog
from focuswatch.findings import Finding, to_finding
from focuswatch.ledger import decide
from focuswatch.ledger.dynamodb import DynamoLedger
from focuswatch.publish import Topics, publish
from tests.given import DAY, finding, run
from tests.given_ledger import ledger_table

# https://www.w3.org/TR/REC-xml/#charsets, which is what SQS takes
TAKEN = (range(0x20, 0xD800), range(0xE000, 0xFFFE), range(0x10000, 0x110000), (0x9, 0xA, 0xD))


class SNS:
    """Keeps what it is given."""

    def __init__(self):
        self.sent = []

    def publish(self, **asked):
        self.sent.append(asked)


@pytest.mark.parametrize("sign", ["\x01", "\ufffe", "\uffff", "\x1f", "\U0001f600", "é"])
def test_a_queue_takes_every_name_of_a_bill(sign):
    """Else SNS, whose subscription it is, would drop the finding without a word; it reads as it was written."""
    found = finding(resource=f"a{sign}b").model_copy(update={"region_id": f"eu{sign}", "team": sign})
    with mock_aws():
        ledger, sns = DynamoLedger(ledger_table()), SNS()
        ledger.update(lambda known, silences: decide(known, silences, run(found)), looked=())
        publish(ledger, sns=sns, topics=Topics("findings", "new-region"), say=lambda _: None)
    (sent,) = sns.sent
    values = [one["StringValue"] for one in sent["MessageAttributes"].values()]
    for text in (sent["Message"], *values):
        assert text
        assert all(any(ord(one) in part for part in TAKEN) for one in text), ascii(text)
    assert Finding.model_validate_json(sent["Message"]).resource_id == f"a{sign}b"


def test_a_row_with_evidence_without_end_is_told():
    """Of 20,000 ARNs: DynamoDB takes its row, also while five news of it wait, and SNS its message."""
    detection = Catalog.load().detection("new_region")
    words = re.findall(r"{(\w+)}", detection.header.reason + detection.header.action)
    arn = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/é\N{FIRE}"
    row = dict.fromkeys(words, "x" * 300_000) | {"charged": [arn * 3] * 20_000, "monthly_cost": 1.0}
    row |= {"sub_account_id": "1", "region_id": "r", "resource_id": "\N{FIRE}" * 300_000}
    found = to_finding(row, detection=detection, as_of=DAY, currency="USD", account_names={})
    with mock_aws():
        sns = boto3.client("sns", region_name="us-east-1")
        topics = Topics(*(sns.create_topic(Name=name)["TopicArn"] for name in ("findings", "new-region")))
        ledger = DynamoLedger(ledger_table())
        for number in range(5):
            grown = found.model_copy(update={"monthly_cost": found.monthly_cost + 1000 * 2**number})
            a_run = run(grown, on=DAY + timedelta(days=number), ran=("new_region",))
            ledger.update(lambda known, silences, a_run=a_run: decide(known, silences, a_run), looked=())
        told = publish(ledger, sns=sns, topics=topics, say=lambda _: None)
    assert (told.told, told.failed) == (5, {})
