"""Once a day: which issues people closed in Jira, and what that means for their findings."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from lambdas.environment import LambdaRun

logger, metrics, tracer = Logger(), Metrics(), Tracer()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A person's closing becomes an exclusion that runs out."""
    run = LambdaRun("sweep")
    logger.append_keys(run_id=run.id)
    swept = run.jira_channel().sweep()
    metrics.add_dimension(name="function", value=run.name)
    metrics.add_metric(name="Excluded", unit=MetricUnit.Count, value=len(swept.excluded))
    metrics.add_metric(name="Runs", unit=MetricUnit.Count, value=1)
    heartbeat = run.beat(ran=[*swept.excluded, *swept.duplicates], failed=swept.failed)
    told = heartbeat.model_dump(mode="json")
    logger.info("heartbeat", extra={"heartbeat": told})
    return told
