"""What a message of the findings topic may hold, whatever names a bill has."""

import pytest
from moto import mock_aws

from focuswatch.findings import Finding
from focuswatch.ledger import decide
from focuswatch.ledger.dynamodb import DynamoLedger
from focuswatch.publish import Topics, publish
from tests.given import finding, run
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
