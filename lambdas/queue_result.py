"""The response of functions that are fed by a queue: log, measure and report how a batch went."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from focuswatch.notify.queue_batch import BatchResult
from lambdas.environment import LambdaRun
from lambdas.function import logger, metrics


def report_batch(run: LambdaRun, result: BatchResult) -> dict[str, Any]:
    """Log, measure and record the result of a batch, and return the response that Lambda expects."""
    for id, reason in result.postponed.items():
        logger.warning("message is retried later", extra={"message_id": id, "reason": reason})
    for id, reason in result.dead_lettered.items():
        logger.error("message moved to the dead-letter queue", extra={"message_id": id, "reason": reason})
    metrics.add_metric(name="Notified", unit=MetricUnit.Count, value=result.done)
    metrics.add_metric(name="Postponed", unit=MetricUnit.Count, value=len(result.postponed))
    metrics.add_metric(name="DeadLettered", unit=MetricUnit.Count, value=len(result.dead_lettered))
    run.beat(told=result.done, failed={**result.postponed, **result.dead_lettered})
    return result.lambda_response
