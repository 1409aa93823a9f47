"""The tables are fresh: ask every detection that is due, and let the ledger decide what is news."""

import json
import os
from datetime import UTC, date, datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from focuswatch.catalog.catalog import Detection
from focuswatch.collect.cloudtrail_history import CloudTrail
from focuswatch.collect.member_sessions import PATIENT, assuming
from focuswatch.detect.run_detection import due_detections
from focuswatch.detect.scan import scan
from focuswatch.detect.scan_result import ScanResult
from focuswatch.detect.stored_outcomes import StoredOutcomes
from focuswatch.operations.function_lease import Lease
from focuswatch.operations.heartbeat import heartbeats
from lambdas.environment import LambdaRun

logger, metrics, tracer = Logger(), Metrics(), Tracer()
NAMESPACE = "focuswatch"
# With less left no detection is begun: those that run come to their end, and the ledger gets its turn.
SPARE_SECONDS = 300
READ_DAYS = 400  # the longest history that a detection reads


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Scan as of the day after the last charge; then `Detected` goes on the bus."""
    run = LambdaRun("detect")
    logger.append_keys(run_id=run.id)
    return run.alone(lambda lease: _detect(run, event, context, lease=lease), event=event, logger=logger)


def _detect(run: LambdaRun, event: dict[str, Any], context: Any, *, lease: Lease) -> dict[str, Any]:
    engine = run.engine()
    metrics.add_dimension(name="function", value=run.name)
    metrics.add_metric(name="Runs", unit=MetricUnit.Count, value=1)
    periods = run.warehouse(engine).periods()
    if not periods:
        return run.beat(doubts=("no billing period was refreshed yet",)).model_dump(mode="json")
    as_of = run.as_of(engine, periods)
    detections = _due(run, event, as_of=as_of)
    scanned = scan(
        engine, as_of=as_of, currency=(rate := run.rate(periods)).currency, rate=rate,
        catalog=run.catalog, detections=detections, owners=run.owners, ledger=run.ledger, progress=logger.debug,
        may_go_on=lambda: lease.is_held and context.get_remaining_time_in_millis() > SPARE_SECONDS * 1000,
        change_history=_trail(run), doubts=_not_refreshed(run, as_of=as_of),
    )  # fmt: skip
    StoredOutcomes(run.session.client("s3", config=PATIENT), run.bucket).save(scanned.outcomes)
    _measure(scanned, scanned_bytes={one.label: one.scanned_bytes for one in engine.executed})
    newest = max(one.delivered_at for one in periods.values())
    heartbeat = run.beat(
        ran=[one.detection.id for one in scanned.outcomes if not one.error],
        failed={one.detection.id: one.error for one in scanned.failures},
        as_of=as_of,
        data_age_hours=round((datetime.now(UTC) - newest).total_seconds() / 3600, 2),
        scanned_bytes=sum(one.scanned_bytes for one in engine.executed),
        doubts=[*scanned.coverage.doubts, *_left(scanned)],
    )
    told = heartbeat.model_dump(mode="json")
    logger.info("heartbeat", extra={"heartbeat": told, "news": len(scanned.notifications)})
    if scanned.not_run and scanned.outcomes:  # a run that got nowhere would be called for ever
        run.announce("Unfinished", json.dumps({"run_id": run.id, "left": scanned.not_run}))
    run.announce(
        "Detected",
        json.dumps({"run_id": run.id, "as_of": as_of.isoformat(), "news": len(scanned.notifications)}),
    )
    return told


def _trail(run: LambdaRun) -> CloudTrail:
    """Who changed what, asked in the accounts themselves."""
    sts = run.session.client("sts", config=PATIENT)
    role, proof = os.environ["FOCUSWATCH_MEMBER_ROLE"], os.environ["FOCUSWATCH_EXTERNAL_ID"]
    return CloudTrail(assuming(sts, role=role, external_id=proof), today=datetime.now(UTC).date())


def _due(run: LambdaRun, event: dict[str, Any], *, as_of: date) -> list[Detection]:
    """What the run before has left, where it says so; else what its schedule says."""
    left = event.get("detail", {}).get("left")
    if left is not None:
        return [one for one in run.catalog.live if one.id in left]
    return due_detections(run.catalog.live, as_of=as_of, evaluated_until=run.ledger.evaluated_until())


def _not_refreshed(run: LambdaRun, *, as_of: date) -> list[str]:
    """Why nothing may be resolved: billing periods that detections read and that hold an older delivery, or none."""
    beat = heartbeats(run.table).get("refresh")
    first = f"{as_of - timedelta(days=READ_DAYS):%Y-%m}"
    return [
        f"billing period {period} could not be refreshed ({why})"
        for period, why in (beat.failed if beat else {}).items()
        if period >= first
    ]


def _left(scanned: ScanResult) -> list[str]:
    """Why nothing of some detections is resolved yet."""
    return (
        [f"the time was over before {', '.join(scanned.not_run)}; the next run goes on with them"]
        if scanned.not_run
        else []
    )


def _measure(scanned: ScanResult, *, scanned_bytes: dict[str, int]) -> None:
    """Findings, seconds and bytes of every detection; that the function ran, and how many failed."""
    for outcome in scanned.outcomes:
        values = {
            "Findings": (MetricUnit.Count, len(outcome.rows)),
            "Seconds": (MetricUnit.Seconds, outcome.seconds),
            "DetectionBytes": (MetricUnit.Bytes, scanned_bytes.get(outcome.detection.id, 0)),
        }
        for name, (unit, value) in values.items():
            with single_metric(name=name, unit=unit, value=value, namespace=NAMESPACE) as metric:
                metric.add_dimension(name="detection", value=outcome.detection.id)
    metrics.add_metric(name="FailedDetections", unit=MetricUnit.Count, value=len(scanned.failures))
