"""News was decided, or an earlier run was interrupted: tell what is untold."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from focuswatch.notify.publish import publish
from focuswatch.operations.function_lease import Lease
from lambdas.environment import PATIENT, LambdaRun

logger, metrics, tracer = Logger(), Metrics(), Tracer()
SPARE_SECONDS = 60  # news that is begun with less left might be sent and not be marked as told


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publish all untold news; raises where some could not be sent, so that the alarm hears of it."""
    run = LambdaRun("publish")
    logger.append_keys(run_id=run.id)
    return run.alone(lambda lease: _publish(run, context, lease=lease), event=event, logger=logger)


def _publish(run: LambdaRun, context: Any, *, lease: Lease) -> dict[str, Any]:
    sns = run.session.client("sns", config=PATIENT)
    published = publish(
        run.ledger, sns=sns, topics=run.topics(), progress=logger.info,
        may_go_on=lambda: lease.is_held and context.get_remaining_time_in_millis() > SPARE_SECONDS * 1000,
    )  # fmt: skip
    metrics.add_dimension(name="function", value=run.name)
    metrics.add_metric(name="Notified", unit=MetricUnit.Count, value=published.sent)
    metrics.add_metric(name="Runs", unit=MetricUnit.Count, value=1)
    heartbeat = run.beat(told=published.sent, failed=published.failed).model_dump(mode="json")
    logger.info("heartbeat", extra={"heartbeat": heartbeat})
    if published.unfinished and published.sent:  # a run that got nowhere would be called for ever
        logger.info("the time was over; called again for what is untold")
        run.announce("Detected", "{}")
    if published.failed:
        raise RuntimeError(
            f"{len(published.failed)} news could not be sent and stay to be told: {published.failed}"
        )
    return heartbeat
