"""News has come for Jira: one issue for each finding, brought up to date."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer

from focuswatch.notify.queue_batch import deliver_batch
from lambdas.environment import LambdaRun
from lambdas.telling import end

logger, metrics, tracer = Logger(), Metrics(), Tracer()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Tell a batch of the findings topic; what could not be told comes back or goes to the dead letters."""
    run = LambdaRun("jira")
    logger.append_keys(run_id=run.id)
    worked = deliver_batch(
        event["Records"],
        channel=run.jira_channel(),
        queue=run.queue(),
        progress=logger.info,
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    return end(run, worked, logger=logger, metrics=metrics)
