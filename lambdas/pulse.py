"""Once a day: how focuswatch itself is, to the FinOps channel, or where there is no bot to whoever hears alarms."""

import os
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from focuswatch.notify.slack.health_message import pulse_message
from focuswatch.operations.health_report import UNTOLD, Pulse, pulse
from focuswatch.operations.heartbeat import heartbeats
from focuswatch.operations.queue_depths import waiting
from lambdas.environment import PATIENT, LambdaRun

logger, metrics, tracer = Logger(), Metrics(), Tracer()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Say it, whether all is well or not: silence would be neither."""
    run = LambdaRun("pulse")
    logger.append_keys(run_id=run.id)
    now = datetime.now(UTC)
    found = _pulse(run, now=now)
    if run.has_bot:
        run.say(f"pulse of {now:%Y-%m-%d}", pulse_message(found), channel=run.channel_of(None))
        run.closings(logger.warning).notify(run.ledger.suppressions(), today=now.date())
    else:
        run.session.client("sns", config=PATIENT).publish(
            TopicArn=os.environ["FOCUSWATCH_ALARMS_TOPIC"],
            Subject=f"{os.environ['FOCUSWATCH_NAME']}: {'all is well' if found.is_well else 'something is wrong'}",
            Message=found.as_text(),
        )
    metrics.add_dimension(name="function", value=run.name)
    metrics.add_metric(name="Troubles", unit=MetricUnit.Count, value=len(found.troubles))
    metrics.add_metric(name="Runs", unit=MetricUnit.Count, value=1)
    told = run.beat(doubts=[one.what for one in found.troubles]).model_dump(mode="json")
    logger.info("heartbeat", extra={"heartbeat": told})
    return told


def _pulse(run: LambdaRun, *, now: datetime) -> Pulse:
    sqs = run.session.client("sqs", config=PATIENT)
    name = os.environ["FOCUSWATCH_NAME"]
    queues = {kind: f"{name}-{kind}" for kind in _listed("FOCUSWATCH_QUEUES")}
    letters = {kind: f"{name}-{kind}-dead-letters" for kind in _listed("FOCUSWATCH_UNATTENDED")}
    daily = [kind for kind in _listed("FOCUSWATCH_DAILY") if kind != run.name]
    return pulse(
        heartbeats(run.table),
        waiting={UNTOLD: run.ledger.pending_count(), **waiting(sqs, queues)},
        dead_letters=waiting(sqs, letters),
        expected=daily,
        now=now,
        stale_hours=int(os.environ["FOCUSWATCH_DATA_AGE_HOURS"]),
        name=name,
    )


def _listed(variable: str) -> list[str]:
    return [one for one in os.environ[variable].split(",") if one]
