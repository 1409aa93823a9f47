"""Functions that are fed by a queue: deliver a batch to a channel; log and report the result."""

from collections.abc import Callable
from typing import Any

from focuswatch.notify.deliver_queue_batch import BatchResult, Channel, Record, deliver_batch, process_batch
from lambdas.function_decorator import Invocation, logger
from lambdas.run_lease_and_heartbeat import LambdaRun


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
        do=do,
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
    run.beat(notified=result.done, failed={**result.postponed, **result.dead_lettered})
    return result.lambda_response
