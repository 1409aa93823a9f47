"""Deliver a batch of notifications from a queue to a channel, through retry_or_dead_letter_batch.py."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from focuswatch.errors import Refused
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.notify.retry_or_dead_letter_batch import (
    BatchResult,
    Queue,
    Record,
    handle_error,
    process_batch,
)


class Channel(Protocol):
    """A channel that notifications are delivered to. Its errors are TryLater, Unsure and Refused."""

    def deliver(self, delivery: QueuedNotification) -> str | None:
        """Deliver one notification. Return what was done, for the log; None if it was already delivered."""
        ...

    def flush(self) -> Mapping[str, Exception]:
        """Send messages that were collected during the batch, such as digests. Return the errors by notification id."""
        ...


def deliver_batch(
    records: Iterable[Record],
    *,
    channel: Channel,
    queue: Queue,
    progress: Callable[[str], None],
    seconds_left: Callable[[], float],
    clock: Callable[[], float] = time.time,
) -> BatchResult:
    """Deliver every record of a batch, then flush the channel to send digests and other collected messages."""
    delivered: list[tuple[Record, str]] = []

    def deliver(record: Record) -> str:
        delivery = _delivery(record, now=clock())
        done = channel.deliver(delivery)
        delivered.append((record, delivery.notification_id))
        return done or f"{delivery.notification_id}: already delivered"

    result = process_batch(
        records, process=deliver, queue=queue, progress=progress, seconds_left=seconds_left
    )
    failed = channel.flush()
    for record, notification_id in delivered:
        if notification_id in failed:
            handle_error(record, failed[notification_id], result=result, queue=queue)
            result.processed -= 1
    return result


def _delivery(record: Record, *, now: float) -> QueuedNotification:
    try:
        return QueuedNotification.from_record(record, now=now)
    except (KeyError, ValueError) as error:
        raise Refused(f"not a message from the findings topic: {type(error).__name__}: {error}") from error
