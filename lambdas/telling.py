"""What the functions that tell have in common: a batch in, what could not be told back into its queue."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from focuswatch.notify.queue_batch import BatchResult
from lambdas.environment import LambdaRun


def end(run: LambdaRun, worked: BatchResult, *, logger: Logger, metrics: Metrics) -> dict[str, Any]:
    """Say how a batch went, and answer as Lambda wants it."""
    for id, why in worked.postponed.items():
        logger.warning("comes back later", extra={"message_id": id, "reason": why})
    for id, why in worked.dead_lettered.items():
        logger.error("put with the dead letters", extra={"message_id": id, "reason": why})
    metrics.add_dimension(name="function", value=run.name)
    metrics.add_metric(name="Notified", unit=MetricUnit.Count, value=worked.done)
    metrics.add_metric(name="Postponed", unit=MetricUnit.Count, value=len(worked.postponed))
    metrics.add_metric(name="DeadLettered", unit=MetricUnit.Count, value=len(worked.dead_lettered))
    metrics.add_metric(name="Runs", unit=MetricUnit.Count, value=1)
    run.beat(told=worked.done, failed={**worked.postponed, **worked.dead_lettered})
    return worked.lambda_response
