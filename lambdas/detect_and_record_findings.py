"""After a refresh: run every detection that is due and record the findings in the ledger."""

import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from focuswatch.bill.athena_bill import AthenaBill, open_athena_bill
from focuswatch.catalog.sql_catalog import Detection
from focuswatch.collect.cloudtrail_changes import CloudTrail
from focuswatch.collect.shared_clients_for_member_accounts import ADAPTIVE_RETRIES, member_sessions
from focuswatch.detect.bill_to_scan import bill_to_scan
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.detect.scan_result import ScanResult
from focuswatch.detect.select_detections_due_by_schedule import due_detections
from focuswatch.errors import QueryError
from focuswatch.operations.function_run_heartbeats import heartbeats, last_detections
from lambdas.function_decorator import Invocation, lambda_function, logger, metrics
from lambdas.lambda_run_lease_event_bus_and_heartbeat import LambdaRun

# With less time left, no further detection is started, so that running detections can finish and the ledger can be
# updated.
SPARE_SECONDS = 300
READ_DAYS = 400  # the longest history that a detection reads


@lambda_function("detect", one_at_a_time=True)
def handler(invocation: Invocation) -> dict[str, Any]:
    """Scan as of the day after the last charge, then put `Detected` on the event bus."""
    run = invocation.run
    with open_athena_bill(run.tables, owners=run.owners) as bill:
        scanned = scan(
            replace(bill_to_scan(bill, owners=run.owners), parts=bill.bill_parts()),
            catalog=run.catalog,
            detections=_due(run, invocation.event, as_of=bill.as_of),
            owners=run.owners,
            ledger=run.ledger,
            progress=logger.debug,
            may_go_on=lambda: invocation.can_continue(spare_seconds=SPARE_SECONDS),
            change_history=_trail(run),
            doubts=_not_refreshed(run, as_of=bill.as_of),
        )
        not_kept = _keep_forecasts(run, bill)
    _measure(scanned, scanned_bytes={query.label: query.scanned_bytes for query in bill.engine.executed})
    newest = max(period.delivered_at for period in bill.periods.values())
    heartbeat = run.beat(
        ran=[outcome.detection.id for outcome in scanned.outcomes if not outcome.error],
        failed={outcome.detection.id: outcome.error for outcome in scanned.failures},
        as_of=bill.as_of,
        data_age_hours=round((datetime.now(UTC) - newest).total_seconds() / 3600, 2),
        scanned_bytes=run.scanned_bytes,
        doubts=[*scanned.coverage.doubts, *_left(scanned)],
        warnings=not_kept,
        detections=last_detections(run.table, run.catalog, outcomes=scanned.outcomes),
    )
    if scanned.not_run and scanned.outcomes:  # without progress, the function would invoke itself forever
        run.announce("Unfinished", json.dumps({"run_id": run.id, "left": scanned.not_run}))
    detected = {"run_id": run.id, "as_of": bill.as_of.isoformat(), "news": len(scanned.notifications)}
    run.announce("Detected", json.dumps(detected))
    return heartbeat


def _keep_forecasts(run: LambdaRun, bill: AthenaBill) -> list[str]:
    """Store today's forecasts for the month close. An error does not fail the run; it is returned as a warning."""
    from focuswatch.detect.forecast.make_and_store_forecasts_for_month_close import store_forecasts_of_day

    try:
        store_forecasts_of_day(bill, catalog=run.catalog)
    except QueryError as error:
        return [f"the month-end forecasts were not stored: {error}"]
    return []


def _trail(run: LambdaRun) -> CloudTrail:
    """Return the CloudTrail history of all accounts, which is read with the member role."""
    sts = run.session.client("sts", config=ADAPTIVE_RETRIES)
    role, external_id = os.environ["FOCUSWATCH_MEMBER_ROLE"], os.environ["FOCUSWATCH_EXTERNAL_ID"]
    return CloudTrail(
        member_sessions(sts, role=role, external_id=external_id), today=datetime.now(UTC).date()
    )


def _due(run: LambdaRun, event: dict[str, Any], *, as_of: date) -> list[Detection]:
    """Return the detections that an unfinished run did not start, or else those that are due by their schedule."""
    left = event.get("detail", {}).get("left")
    if left is not None:
        return [detection for detection in run.catalog.enabled if detection.id in left]
    return due_detections(run.catalog.enabled, as_of=as_of, evaluated_until=run.ledger.evaluated_until())


def _not_refreshed(run: LambdaRun, *, as_of: date) -> list[str]:
    """Return why no finding can be resolved: detections read billing periods that could not be refreshed."""
    beat = heartbeats(run.table).get("refresh")
    first = f"{as_of - timedelta(days=READ_DAYS):%Y-%m}"
    return [
        f"billing period {period} could not be refreshed ({reason})"
        for period, reason in (beat.failed if beat else {}).items()
        if period >= first
    ]


def _left(scanned: ScanResult) -> list[str]:
    """Return why the findings of some detections cannot be resolved yet."""
    return (
        [f"time limit reached; the next run continues with these detections: {', '.join(scanned.not_run)}"]
        if scanned.not_run
        else []
    )


def _measure(scanned: ScanResult, *, scanned_bytes: dict[str, int]) -> None:
    """Log the findings, seconds and scanned bytes of each detection, and publish the number of failed detections.

    These values are logged and not metrics, because a metric with a value in every hour costs 0.30 USD a month:
    https://aws.amazon.com/cloudwatch/pricing/
    """
    for outcome in scanned.outcomes:
        logger.info(
            "detection ran",
            detection=outcome.detection.id,
            findings=len(outcome.rows),
            seconds=round(outcome.seconds, 3),
            scanned_bytes=scanned_bytes.get(outcome.detection.id, 0),
            services_not_on_bill=outcome.services_not_on_bill,
        )
    metrics.add_metric(name="FailedDetections", unit=MetricUnit.Count, value=len(scanned.failures))
