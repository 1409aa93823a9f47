"""Each message of a batch is done, postponed or sent to the dead letters on its own."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from moto import mock_aws

from focuswatch.errors import Refused, TryLater
from focuswatch.notify.deliver_queue_batch import (
    LONGEST_HIDDEN_SECONDS,
    Queue,
    deliver_batch,
    process_batch,
    retry_delay,
)
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.jira.stored_issue_state import IssueState
from tests.fakes.delivery_world import Table
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding
from tests.given.slack_world import MORNING, notification


def record(body="{}", *, id="m1", receives=1, attributes=None):
    return {
        "messageId": id, "receiptHandle": f"receipt of {id}", "body": body, "messageAttributes": attributes or {},
        "attributes": {"ApproximateReceiveCount": str(receives), "SentTimestamp": str(int(MORNING * 1000))},
    }  # fmt: skip


def of(delivery, *, id):
    """The record of a delivery that is for a digest."""
    state = {"news_id": delivery.news_id, "change": delivery.kind, "told_in": "digest"}
    attributes = {name: {"stringValue": value, "dataType": "String"} for name, value in state.items()}
    return record(delivery.finding.model_dump_json(by_alias=True), id=id, attributes=attributes)


@dataclass
class SQS:
    """Takes what it is given, or nothing."""

    refuses: bool = False
    asked: list[Any] = field(default_factory=list)

    def send_message(self, **asked):
        self._take(asked)

    def change_message_visibility(self, **asked):
        self._take(asked)

    def _take(self, asked):
        self.asked.append(asked)
        if self.refuses:
            raise RuntimeError("InvalidParameterValue")


def worked(records, do, *, sqs):
    return process_batch(
        records, do=do, queue=Queue(sqs, "queue", "dead"), progress=lambda _: None, seconds_left=lambda: 900
    )


@pytest.mark.parametrize("error", [TryLater("not now", seconds=5), Refused("never"), ValueError("odd")])
def test_message_that_sqs_cannot_postpone_returns_alone(error):
    """The other notifications of its batch were sent and are not retried."""

    def do(one):
        if one["messageId"] == "bad":
            raise error
        return "told"

    done = worked([record(id="a"), record(id="bad"), record(id="b")], do, sqs=SQS(refuses=True))
    assert done.done == 2
    assert done.lambda_response == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert str(error) in done.postponed["bad"]
    assert "InvalidParameterValue" in done.postponed["bad"]


@pytest.mark.parametrize("seconds", [0, 100_000, 1e12, float("inf")])
def test_delay_stays_within_the_limit_of_sqs(seconds):
    """For any value of Retry-After."""
    sqs = SQS()

    def do(_one):
        raise TryLater("not now", seconds=seconds)

    worked([record(receives=100)], do, sqs=sqs)
    assert 0 < sqs.asked[0]["VisibilityTimeout"] <= LONGEST_HIDDEN_SECONDS + 1


def test_delay_grows_with_each_attempt():
    """From seconds to a quarter of an hour."""
    assert [retry_delay(record(receives=number), seconds=0) for number in (1, 2, 5, 9, 100)] == [
        11, 21, 161, 901, 901,
    ]  # fmt: skip


def test_failed_digest_affects_only_its_own_notifications():
    """One is refused for good, one is tried again, one was shown."""
    gone, later, well = (
        notification(finding(resource=name), in_digest=True, first=True) for name in ("gone", "later", "well")
    )

    class Channel:
        def deliver(self, delivery):
            return "written down"

        def flush(self):
            return {gone.news_id: Refused("archived"), later.news_id: TryLater("busy", seconds=9)}

    sqs = SQS()
    done = deliver_batch(
        [of(gone, id="gone"), of(later, id="later"), of(well, id="well")], channel=Channel(),
        queue=Queue(sqs, "queue", "dead"), progress=lambda _: None, seconds_left=lambda: 900,
    )  # fmt: skip
    assert (done.done, set(done.dead_lettered), set(done.postponed)) == (1, {"gone"}, {"later"})


def test_claim_with_a_lost_response_is_ours():
    """botocore repeats the request, which fails because of our own claim."""
    with mock_aws():
        table = Table(ledger_table())
        claims = Claims(table, channel="jira", model=IssueState)
        claims.settle(claims.claim("f"), IssueState(key="SRCH-1"))
        table.asked_again = lambda: True
        claim = claims.claim("f")
        assert (claim.state.key, claim.unsure) == ("SRCH-1", True)
        table.asked_again = lambda: False
        with pytest.raises(TryLater):
            Claims(table, channel="jira", model=IssueState).claim("f")
