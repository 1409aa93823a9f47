"""Each message of an SQS batch is delivered, postponed or dead-lettered independently of the others."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from moto import mock_aws

from focuswatch.errors import Refused, TryLater
from focuswatch.notify.deliver_queue_batch import deliver_batch
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.jira.issue_state_model import IssueState
from focuswatch.notify.retry_or_dead_letter_batch import (
    LONGEST_HIDDEN_SECONDS,
    Queue,
    process_batch,
    retry_delay,
)
from tests.fakes.delivery_world import Table
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding
from tests.given.slack_world import MORNING, notification


def record(body="{}", *, id="m1", receives=1, attributes=None):
    return {
        "messageId": id,
        "receiptHandle": f"receipt of {id}",
        "body": body,
        "messageAttributes": attributes or {},
        "attributes": {"ApproximateReceiveCount": str(receives), "SentTimestamp": str(int(MORNING * 1000))},
    }


def digest_record(delivery, *, id):
    """Return the SQS record of a notification that belongs in a digest."""
    state = {"news_id": delivery.notification_id, "change": delivery.kind, "told_in": "digest"}
    attributes = {name: {"stringValue": value, "dataType": "String"} for name, value in state.items()}
    return record(delivery.finding.model_dump_json(by_alias=True), id=id, attributes=attributes)


@dataclass
class SQS:
    """Records every request, and then refuses it if `refuses`."""

    refuses: bool = False
    requests: list[Any] = field(default_factory=list)

    def send_message(self, **request):
        self._record(request)

    def change_message_visibility(self, **request):
        self._record(request)

    def _record(self, request):
        self.requests.append(request)
        if self.refuses:
            raise RuntimeError("InvalidParameterValue")


def process(records, do, *, sqs):
    return process_batch(
        records,
        process=do,
        queue=Queue(sqs, "queue", "dead"),
        progress=lambda _: None,
        seconds_left=lambda: 900,
    )


@pytest.mark.parametrize("error", [TryLater("not now", seconds=5), Refused("never"), ValueError("odd")])
def test_message_that_sqs_cannot_postpone_is_returned_alone(error):
    """The other messages of its batch were delivered and must not be retried."""

    def do(one):
        if one["messageId"] == "bad":
            raise error
        return "delivered"

    batch = process([record(id="a"), record(id="bad"), record(id="b")], do, sqs=SQS(refuses=True))
    assert batch.processed == 2
    assert batch.lambda_response == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert str(error) in batch.postponed["bad"]
    assert "InvalidParameterValue" in batch.postponed["bad"]


@pytest.mark.parametrize("seconds", [0, 100_000, 1e12, float("inf")])
def test_delay_stays_within_the_limit_of_sqs(seconds):
    """A server can send any number in Retry-After."""
    sqs = SQS()

    def do(_one):
        raise TryLater("not now", seconds=seconds)

    process([record(receives=100)], do, sqs=sqs)
    assert 0 < sqs.requests[0]["VisibilityTimeout"] <= LONGEST_HIDDEN_SECONDS + 1


def test_delay_grows_with_each_attempt():
    """It grows from seconds to a quarter of an hour."""
    assert [retry_delay(record(receives=number), seconds=0) for number in (1, 2, 5, 9, 100)] == [
        11,
        21,
        161,
        901,
        901,
    ]


def test_failed_digest_affects_only_its_own_notifications():
    """One notification is refused, one is retried, and one was delivered."""
    gone, later, well = (
        notification(finding(resource=name), in_digest=True, first=True) for name in ("gone", "later", "well")
    )

    class Channel:
        def deliver(self, delivery):
            return "written down"

        def flush(self):
            return {
                gone.notification_id: Refused("archived"),
                later.notification_id: TryLater("busy", seconds=9),
            }

    sqs = SQS()
    batch = deliver_batch(
        [digest_record(gone, id="gone"), digest_record(later, id="later"), digest_record(well, id="well")],
        channel=Channel(),
        queue=Queue(sqs, "queue", "dead"),
        progress=lambda _: None,
        seconds_left=lambda: 900,
    )
    assert (batch.processed, set(batch.dead_lettered), set(batch.postponed)) == (1, {"gone"}, {"later"})


def test_claim_with_a_lost_response_is_held():
    """botocore repeats the request, and the repetition fails because the first request made the claim."""
    with mock_aws():
        table = Table(ledger_table())
        claims = Claims(table, channel="jira", model=IssueState)
        claims.settle(claims.claim("f"), IssueState(key="SRCH-1"))
        table.is_repeated = lambda: True
        claim = claims.claim("f")
        assert (claim.state.key, claim.unsure) == ("SRCH-1", True)
        table.is_repeated = lambda: False
        with pytest.raises(TryLater):
            Claims(table, channel="jira", model=IssueState).claim("f")
