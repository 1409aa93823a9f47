"""Deliver a batch of a queue to a channel.

A delivered message leaves the queue; one that failed is retried later; one that the channel refuses goes to the dead
letters at once, which raise an alarm.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from focuswatch.errors import FocuswatchError, Refused, TryLater
from focuswatch.notify.queued_notification_and_turn import QueuedNotification

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Record = Mapping[str, Any]
FIRST_DELAY_SECONDS = 10
LONGEST_DELAY_SECONDS = 900
# Whatever the server asks for: SQS hides a message for twelve hours at most, and refuses a longer time.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
LONGEST_HIDDEN_SECONDS = 3600
SPARE_SECONDS = 60  # a record started with less time left could be interrupted


class Channel(Protocol):
    """A channel that notifications are delivered to. Its methods raise or return TryLater, Unsure and Refused."""

    def deliver(self, delivery: QueuedNotification) -> str | None:
        """Deliver one notification. Return what was done, for the log; None if it was done before."""
        ...

    def flush(self) -> Mapping[str, Exception]:
        """Send what the batch collected, such as digests. Return the errors by notification id."""
        ...


@dataclass(frozen=True)
class Queue:
    """The queue that a batch came from, and its dead-letter queue."""

    sqs: "SQSClient"
    url: str
    dead_letters_url: str

    def postpone(self, record: Record, *, seconds: float) -> None:
        """Retry a record after `seconds`, or later if it has failed often."""
        self.sqs.change_message_visibility(
            QueueUrl=self.url,
            ReceiptHandle=record["receiptHandle"],
            VisibilityTimeout=retry_delay(record, seconds=seconds),
        )

    def send_to_dead_letters(self, record: Record) -> None:
        """Send a record to the dead-letter queue unchanged, so that it can be redriven."""
        self.sqs.send_message(
            QueueUrl=self.dead_letters_url,
            MessageBody=record["body"],
            MessageAttributes={
                name: {"DataType": value["dataType"], "StringValue": value["stringValue"]}
                for name, value in record.get("messageAttributes", {}).items()
            },
        )


def retry_delay(record: Record, *, seconds: float) -> int:
    """Return the seconds until a record is retried; exponential, and at least `seconds`."""
    receives = int(record["attributes"]["ApproximateReceiveCount"])
    backoff = min(FIRST_DELAY_SECONDS * 2 ** min(max(receives - 1, 0), 10), LONGEST_DELAY_SECONDS)
    return int(min(max(seconds, backoff), LONGEST_HIDDEN_SECONDS)) + 1


@dataclass
class BatchResult:
    """Counts of a batch: how many are done, and the reasons by message id of the postponed and the dead-lettered."""

    done: int = 0
    postponed: dict[str, str] = field(default_factory=dict)
    dead_lettered: dict[str, str] = field(default_factory=dict)

    @property
    def lambda_response(self) -> dict[str, Any]:
        """Return the response that Lambda expects: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html"""
        return {"batchItemFailures": [{"itemIdentifier": id} for id in self.postponed]}


def process_batch(
    records: Iterable[Record],
    *,
    do: Callable[[Record], str],
    queue: Queue,
    progress: Callable[[str], None],
    seconds_left: Callable[[], float],
) -> BatchResult:
    """Call `do` with every record of a batch; it returns a line for the log. A failure does not stop the others."""
    result = BatchResult()
    for record in records:
        try:
            if seconds_left() < SPARE_SECONDS:
                raise TryLater("the function is about to time out", seconds=0)
            progress(do(record))
        except Exception as error:  # any error: the other records are processed
            _handle_error(record, error, result=result, queue=queue)
        else:
            result.done += 1
    return result


def deliver_batch(
    records: Iterable[Record],
    *,
    channel: Channel,
    queue: Queue,
    progress: Callable[[str], None],
    seconds_left: Callable[[], float],
    clock: Callable[[], float] = time.time,
) -> BatchResult:
    """Deliver every record of a batch, and flush the channel: it sends digests, or all that it collected."""
    delivered: list[tuple[Record, str]] = []

    def deliver(record: Record) -> str:
        delivery = _delivery(record, now=clock())
        done = channel.deliver(delivery)
        delivered.append((record, delivery.news_id))
        return done or f"{delivery.news_id}: already delivered"

    result = process_batch(records, do=deliver, queue=queue, progress=progress, seconds_left=seconds_left)
    failed = channel.flush()
    for record, news_id in delivered:
        if news_id in failed:
            _handle_error(record, failed[news_id], result=result, queue=queue)
            result.done -= 1
    return result


def _delivery(record: Record, *, now: float) -> QueuedNotification:
    try:
        return QueuedNotification.from_record(record, now=now)
    except (KeyError, ValueError) as error:
        raise Refused(f"not a message from the findings topic: {type(error).__name__}: {error}") from error


def _handle_error(record: Record, error: Exception, *, result: BatchResult, queue: Queue) -> None:
    """Postpone the record or dead-letter it; if SQS accepts neither, it is retried by itself."""
    id, reason = str(record["messageId"]), _as_text(error)
    if isinstance(error, Refused):
        try:
            queue.send_to_dead_letters(record)
        except Exception as failed:
            result.postponed[id] = (
                f"{reason}; the message could not be moved to the dead-letter queue: {_as_text(failed)}"
            )
        else:
            result.dead_lettered[id] = reason
        return
    result.postponed[id] = reason
    try:
        queue.postpone(record, seconds=getattr(error, "seconds", 0))
    except Exception as failed:
        result.postponed[id] += f"; the message could not be postponed: {_as_text(failed)}"


def _as_text(error: Exception) -> str:
    return str(error) if isinstance(error, FocuswatchError) else f"{type(error).__name__}: {error}"
