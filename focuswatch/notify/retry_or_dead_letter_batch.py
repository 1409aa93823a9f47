"""Process a batch of SQS records: retry a failed record later, or move it to the dead-letter queue.

A processed record leaves the queue. A failed record is retried later, with exponential backoff. A record that is
refused permanently moves to the dead-letter queue at once, which raises an alarm.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from focuswatch.errors import FocuswatchError, Refused, TryLater

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Record = Mapping[str, Any]
FIRST_DELAY_SECONDS = 10
LONGEST_DELAY_SECONDS = 900
# Upper limit, even if a server asks for more. SQS hides a message for at most 12 hours and rejects a longer timeout.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
LONGEST_HIDDEN_SECONDS = 3600
MIN_SECONDS_TO_START = 60  # minimum time left to start a record, so that the timeout does not interrupt it


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
    """Return the seconds until a record is retried: exponential backoff, at least `seconds`, at most about an hour."""
    receives = int(record["attributes"]["ApproximateReceiveCount"])
    backoff = min(FIRST_DELAY_SECONDS * 2 ** min(max(receives - 1, 0), 10), LONGEST_DELAY_SECONDS)
    return int(min(max(seconds, backoff), LONGEST_HIDDEN_SECONDS)) + 1


@dataclass
class BatchResult:
    """The result of a batch: how many records were processed, and the failure reasons of the others by message id."""

    processed: int = 0
    postponed: dict[str, str] = field(default_factory=dict)
    dead_lettered: dict[str, str] = field(default_factory=dict)

    @property
    def lambda_response(self) -> dict[str, Any]:
        """Return the response that Lambda expects: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html"""
        return {"batchItemFailures": [{"itemIdentifier": id} for id in self.postponed]}


def process_batch(
    records: Iterable[Record],
    *,
    process: Callable[[Record], str],
    queue: Queue,
    progress: Callable[[str], None],
    seconds_left: Callable[[], float],
) -> BatchResult:
    """Call `process` with each record; it returns a line for the log. A failing record does not stop the others."""
    result = BatchResult()
    for record in records:
        try:
            if seconds_left() < MIN_SECONDS_TO_START:
                raise TryLater("the function is about to time out", seconds=0)
            progress(process(record))
        except Exception as error:  # any error, so that the other records are still processed
            handle_error(record, error, result=result, queue=queue)
        else:
            result.processed += 1
    return result


def handle_error(record: Record, error: Exception, *, result: BatchResult, queue: Queue) -> None:
    """Postpone the record, or move it to the dead-letter queue if it was refused.

    If that request to SQS fails, SQS delivers the record again after the visibility timeout.
    """
    id, reason = str(record["messageId"]), _as_text(error)
    if isinstance(error, Refused):
        try:
            queue.send_to_dead_letters(record)
        except Exception as failed:  # whatever the error, SQS delivers the record again
            result.postponed[id] = (
                f"{reason}; the message could not be moved to the dead-letter queue: {_as_text(failed)}"
            )
        else:
            result.dead_lettered[id] = reason
        return
    result.postponed[id] = reason
    try:
        queue.postpone(record, seconds=getattr(error, "seconds", 0))
    except Exception as failed:  # whatever the error, SQS delivers the record again
        result.postponed[id] += f"; the message could not be postponed: {_as_text(failed)}"


def _as_text(error: Exception) -> str:
    return str(error) if isinstance(error, FocuswatchError) else f"{type(error).__name__}: {error}"
