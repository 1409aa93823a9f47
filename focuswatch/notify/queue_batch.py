"""A batch of a queue into a channel: what was told leaves the queue, what could not be told comes back later, and what
will never be taken as it is goes to the dead letters at once, where an alarm tells of it.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from focuswatch.errors import FocuswatchError, Refused, TryLater
from focuswatch.notify.queue_message import QueuedNotification

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Record = Mapping[str, Any]
FIRST_PAUSE_SECONDS = 10
LONGEST_PAUSE_SECONDS = 900
# However long a pause is asked for: SQS hides a message for twelve hours at most, and refuses what is longer.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
LONGEST_HIDDEN_SECONDS = 3600
SPARE_SECONDS = 60  # a record that is begun with less left might be cut off in the middle


class Channel(Protocol):
    """Where news is told. Its methods raise or give back TryLater, Unsure and Refused."""

    def deliver(self, delivery: QueuedNotification) -> str | None:
        """What was done, in words for a log; None where it had been."""
        ...

    def flush(self) -> Mapping[str, Exception]:
        """End what a batch gathered; what of it failed, by news id."""
        ...


@dataclass(frozen=True)
class Queue:
    """The queue that a batch is from, and its dead letters."""

    sqs: "SQSClient"
    url: str
    dead_letters_url: str

    def postpone(self, record: Record, *, seconds: float) -> None:
        """Let a record come back after `seconds`, or later the more often it has come."""
        self.sqs.change_message_visibility(
            QueueUrl=self.url,
            ReceiptHandle=record["receiptHandle"],
            VisibilityTimeout=retry_delay(record, seconds=seconds),
        )

    def send_to_dead_letters(self, record: Record) -> None:
        """Put a record with the dead letters as it is, so that it can be redriven."""
        self.sqs.send_message(
            QueueUrl=self.dead_letters_url,
            MessageBody=record["body"],
            MessageAttributes={
                name: {"DataType": one["dataType"], "StringValue": one["stringValue"]}
                for name, one in record.get("messageAttributes", {}).items()
            },
        )


def retry_delay(record: Record, *, seconds: float) -> int:
    """For how long a record is left alone that asked for `seconds`."""
    receives = int(record["attributes"]["ApproximateReceiveCount"])
    grown = min(FIRST_PAUSE_SECONDS * 2 ** min(max(receives - 1, 0), 10), LONGEST_PAUSE_SECONDS)
    return int(min(max(seconds, grown), LONGEST_HIDDEN_SECONDS)) + 1


@dataclass
class BatchResult:
    """What came of a batch: how many are done, and sentences by message id for what was put off or buried."""

    done: int = 0
    postponed: dict[str, str] = field(default_factory=dict)
    dead_lettered: dict[str, str] = field(default_factory=dict)

    @property
    def lambda_response(self) -> dict[str, Any]:
        """As Lambda wants it: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html"""
        return {"batchItemFailures": [{"itemIdentifier": id} for id in self.postponed]}


def process_batch(
    records: Iterable[Record],
    *,
    do: Callable[[Record], str],
    queue: Queue,
    progress: Callable[[str], None],
    seconds_left: Callable[[], float],
) -> BatchResult:
    """Let `do` take every record of a batch; it gives back what it did, in words. One that fails stops no other."""
    worked = BatchResult()
    for record in records:
        try:
            if seconds_left() < SPARE_SECONDS:
                raise TryLater("the function's time is over", seconds=0)
            progress(do(record))
        except Exception as error:  # whatever it is, the rest of the batch is worked on
            _failed(record, error, worked=worked, queue=queue)
        else:
            worked.done += 1
    return worked


def deliver_batch(
    records: Iterable[Record],
    *,
    channel: Channel,
    queue: Queue,
    progress: Callable[[str], None],
    seconds_left: Callable[[], float],
    clock: Callable[[], float] = time.time,
) -> BatchResult:
    """Tell every record of a batch, and end its digests."""
    digested: list[tuple[Record, str]] = []

    def tell(record: Record) -> str:
        delivery = _delivery(record, now=clock())
        done = channel.deliver(delivery)
        if delivery.in_digest:
            digested.append((record, delivery.news_id))
        return done or f"{delivery.news_id}: told before"

    worked = process_batch(records, do=tell, queue=queue, progress=progress, seconds_left=seconds_left)
    unfinished = channel.flush()
    for record, news_id in digested:
        if news_id in unfinished:
            _failed(record, unfinished[news_id], worked=worked, queue=queue)
            worked.done -= 1
    return worked


def _delivery(record: Record, *, now: float) -> QueuedNotification:
    try:
        return QueuedNotification.from_record(record, now=now)
    except (KeyError, ValueError) as error:
        raise Refused(f"not a message of the findings topic: {type(error).__name__}: {error}") from error


def _failed(record: Record, error: Exception, *, worked: BatchResult, queue: Queue) -> None:
    """Put it off or bury it; where SQS takes neither it comes back by itself, and the rest of the batch is not to."""
    id, why = str(record["messageId"]), _in_words(error)
    if isinstance(error, Refused):
        try:
            queue.send_to_dead_letters(record)
        except Exception as failed:
            worked.postponed[id] = f"{why}; and it could not be buried: {_in_words(failed)}"
        else:
            worked.dead_lettered[id] = why
        return
    worked.postponed[id] = why
    try:
        queue.postpone(record, seconds=getattr(error, "seconds", 0))
    except Exception as failed:
        worked.postponed[id] += f"; and it could not be put off: {_in_words(failed)}"


def _in_words(error: Exception) -> str:
    return str(error) if isinstance(error, FocuswatchError) else f"{type(error).__name__}: {error}"
