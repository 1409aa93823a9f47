"""Notify Slack about a batch of findings, each to its owner's channel."""

from typing import Any

from focuswatch.notify.queue_batch import deliver_batch
from lambdas.function import Invocation, lambda_function, logger
from lambdas.queue_result import report_batch


@lambda_function("slack")
def handler(invocation: Invocation) -> dict[str, Any]:
    """Deliver a batch of notifications; failed ones are retried or moved to the dead-letter queue."""
    run = invocation.run
    result = deliver_batch(
        invocation.event["Records"],
        channel=run.slack_routes(),
        queue=run.queue(),
        progress=logger.info,
        seconds_left=invocation.seconds_left,
    )
    return report_batch(run, result)
