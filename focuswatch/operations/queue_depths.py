"""Count the messages in SQS queues."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Count = Literal["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
# Visible messages, and messages that a consumer is processing.
COUNTS: tuple[Count, ...] = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


def queue_depths(sqs: "SQSClient", queues: Mapping[str, str]) -> dict[str, int]:
    """Return the approximate number of messages in each queue; the values of `queues` are queue names."""
    return {kind: _depth(sqs, name) for kind, name in queues.items()}


def _depth(sqs: "SQSClient", name: str) -> int:
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=COUNTS)["Attributes"]
    return sum(int(counts.get(count, 0)) for count in COUNTS)
