"""Once a day: send the health report to the FinOps channel in Slack, or else to the alarms topic.

The function also replies to the Slack messages of findings whose issues were closed in Jira.
"""

import os
from datetime import UTC, datetime
from typing import Any

from focuswatch.operations.function_run_heartbeats import heartbeats
from focuswatch.operations.health_report import PENDING, HealthReport, health_report
from focuswatch.operations.health_slack_message import health_message
from focuswatch.operations.queue_depths import queue_depths
from lambdas.clients_and_resources_from_environment import PATIENT
from lambdas.function_decorator import Invocation, lambda_function, logger
from lambdas.lambda_run_lease_event_bus_and_heartbeat import LambdaRun


@lambda_function("pulse")
def handler(invocation: Invocation) -> dict[str, Any]:
    """Send the report every day, even without problems, so that a missing report is noticed."""
    run = invocation.run
    now = datetime.now(UTC)
    report = _pulse(run, now=now)
    if run.can_post_to_finops():
        run.scheduled_messages.post(f"pulse of {now:%Y-%m-%d}", health_message(report), team=None)
    else:
        run.session.client("sns", config=PATIENT).publish(
            TopicArn=os.environ["FOCUSWATCH_ALARMS_TOPIC"],
            Subject=f"{os.environ['FOCUSWATCH_NAME']}: {'healthy' if report.is_healthy else 'problems found'}",
            Message=report.as_text(),
        )
    if run.has_bot:
        run.closings(logger.warning).notify(run.ledger.suppressions(), today=now.date())
    return run.beat(warnings=[problem.summary for problem in report.problems])


def _pulse(run: LambdaRun, *, now: datetime) -> HealthReport:
    sqs = run.session.client("sqs", config=PATIENT)
    name = os.environ["FOCUSWATCH_NAME"]
    queues = {kind: f"{name}-{kind}" for kind in _listed("FOCUSWATCH_QUEUES")}
    letters = {kind: f"{name}-{kind}-dead-letters" for kind in _listed("FOCUSWATCH_UNATTENDED")}
    daily = [kind for kind in _listed("FOCUSWATCH_DAILY") if kind != run.name]
    return health_report(
        heartbeats(run.table),
        queued={PENDING: run.ledger.pending_count(), **queue_depths(sqs, queues)},
        dead_letters=queue_depths(sqs, letters),
        expected=daily,
        now=now,
        stale_hours=int(os.environ["FOCUSWATCH_DATA_AGE_HOURS"]),
        name=name,
    )


def _listed(variable: str) -> list[str]:
    return [value for value in os.environ[variable].split(",") if value]
