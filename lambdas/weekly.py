"""Once a week: every team hears in its channel how its week was, and FinOps how everybody's was."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from focuswatch.errors import DeliveryError
from focuswatch.notify.slack.weekly_message import weekly_message
from focuswatch.owners.launches import launched
from focuswatch.reports.run_report import report_rows
from focuswatch.reports.weekly_summary import weeks
from lambdas.environment import LambdaRun

logger, metrics, tracer = Logger(), Metrics(), Tracer()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Tell each week once, however often it is called; a channel that fails stops no other, and fails the run."""
    run = LambdaRun("weekly")
    logger.append_keys(run_id=run.id)
    engine = run.engine()
    periods = run.warehouse(engine).periods()
    if not periods:
        return run.beat(doubts=("no billing period was refreshed yet",)).model_dump(mode="json")
    as_of = run.as_of(engine, periods)
    found = weeks(
        report_rows(run.catalog.report("team_weeks"), engine=engine, as_of=as_of, owners=run.owners),
        run.ledger.entries().values(),
        owners=run.owners,
        as_of=as_of,
        currency=(rate := run.rate(periods)).currency,
        launches=launched(
            engine, catalog=run.catalog, owners=run.owners, as_of=as_of, per_usd=float(rate.per_usd)
        ),
    )
    told, failed, page = [], {}, run.page_link()
    for week in found:
        name = f"week {as_of:%G-%V} of {week.team or 'everybody'}"
        try:
            run.say(name, weekly_message(week, page=page), channel=run.channel_of(week.team))
        except DeliveryError as error:
            failed[name] = str(error)
        else:
            told.append(name)
    metrics.add_dimension(name="function", value=run.name)
    metrics.add_metric(name="Runs", unit=MetricUnit.Count, value=1)
    heartbeat = run.beat(ran=told, failed=failed, as_of=as_of).model_dump(mode="json")
    logger.info("heartbeat", extra={"heartbeat": heartbeat})
    if failed:
        raise RuntimeError(f"{len(failed)} weeks could not be told, and are tried again: {failed}")
    return heartbeat
