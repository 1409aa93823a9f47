"""How much waits in queues."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Count = Literal["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
# Visible, and in somebody's hands right now.
COUNTS: tuple[Count, ...] = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


def waiting(sqs: "SQSClient", queues: Mapping[str, str]) -> dict[str, int]:
    """Messages of each queue, by the keys of `queues`, whose values are names. About right, as SQS counts."""
    return {kind: _count(sqs, name) for kind, name in queues.items()}


def _count(sqs: "SQSClient", name: str) -> int:
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=COUNTS)["Attributes"]
    return sum(int(told.get(one, 0)) for one in COUNTS)
