"""A manifest arrived, or the day's clock rang: bring the tables up to date, and say so."""

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from focuswatch.bill.ingest.s3_source import list_s3
from focuswatch.errors import NothingDelivered
from lambdas.environment import LambdaRun

logger, metrics, tracer = Logger(), Metrics(), Tracer()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Refresh every billing period whose delivery changed; then `Refreshed` goes on the bus."""
    run = LambdaRun("refresh")
    logger.append_keys(run_id=run.id)
    return run.alone(lambda _lease: _refresh(run), event=event, logger=logger)


def _refresh(run: LambdaRun) -> dict[str, Any]:
    engine = run.engine()
    source = f"s3://{run.bucket}/{os.environ['FOCUSWATCH_EXPORT']}"
    metrics.add_dimension(name="function", value=run.name)
    metrics.add_metric(name="Runs", unit=MetricUnit.Count, value=1)
    try:
        with tempfile.TemporaryDirectory() as mirror:
            listing = list_s3(source, mirror=Path(mirror))
            refreshed = run.warehouse(engine).refresh(listing, owners=run.owners, progress=logger.info)
    except (
        NothingDelivered
    ) as waiting:  # a new export takes up to a day; if it takes longer, the doctor says so
        return run.beat(doubts=(str(waiting),)).model_dump(mode="json")
    age_hours = (datetime.now(UTC) - refreshed.newest_delivery).total_seconds() / 3600
    scanned = sum(one.scanned_bytes for one in engine.executed)
    metrics.add_metric(name="DataAgeHours", unit=MetricUnit.Count, value=age_hours)
    metrics.add_metric(name="ScannedBytes", unit=MetricUnit.Bytes, value=scanned)
    heartbeat = run.beat(
        ran=refreshed.changed, as_of=refreshed.as_of, data_age_hours=round(age_hours, 2), scanned_bytes=scanned,
        failed=dict(refreshed.failed), warnings=refreshed.warnings,
    )  # fmt: skip
    told = heartbeat.model_dump(mode="json")
    logger.info("heartbeat", extra={"heartbeat": told})
    run.announce("Refreshed", json.dumps(told))  # what failed is as it was, and detections go on with it
    if refreshed.athena_failed:
        raise RuntimeError(
            f"no billing period could be refreshed, and all are tried again: {dict(refreshed.failed)}"
        )
    return told
