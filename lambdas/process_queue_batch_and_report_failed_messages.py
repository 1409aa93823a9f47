"""Process a batch of messages in a function that a queue feeds, such as a channel; log and record the result."""

from collections.abc import Callable
from typing import Any

from focuswatch.notify.deliver_queue_batch import Channel, deliver_batch
from focuswatch.notify.retry_or_dead_letter_batch import BatchResult, Record, process_batch
from lambdas.function_decorator import Invocation, logger
from lambdas.lambda_run_lease_event_bus_and_heartbeat import LambdaRun


def deliver_findings(invocation: Invocation, channel: Channel) -> dict[str, Any]:
    """Deliver a batch of notifications; failed ones are retried or moved to the dead-letter queue."""
    result = deliver_batch(
        invocation.event["Records"],
        channel=channel,
        queue=invocation.run.queue(),
        progress=logger.info,
        seconds_left=invocation.seconds_left,
    )
    return report_batch(invocation.run, result)


def process_records(invocation: Invocation, do: Callable[[Record], str]) -> BatchResult:
    """Call `do` for each message of the batch; failed ones are retried or moved to the dead-letter queue."""
    return process_batch(
        invocation.event["Records"],
        process=do,
        queue=invocation.run.queue(),
        progress=logger.info,
        seconds_left=invocation.seconds_left,
    )


def report_batch(run: LambdaRun, result: BatchResult) -> dict[str, Any]:
    """Log and record the result of a batch, and return the response that Lambda expects."""
    for id, reason in result.postponed.items():
        logger.warning("message will be retried later", extra={"message_id": id, "reason": reason})
    for id, reason in result.dead_lettered.items():
        logger.error("message moved to the dead-letter queue", extra={"message_id": id, "reason": reason})
    run.beat(notified=result.processed, failed={**result.postponed, **result.dead_lettered})
    return result.lambda_response
