"""After a delivery, or once a day: refresh the tables from the export."""

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from focuswatch.bill.ingest.list_and_copy_from_s3 import list_s3
from focuswatch.bill.refresh.athena_principal_charges_refresh import refresh_principals
from focuswatch.bill.refresh.athena_refresh import AthenaRefresh, refresh_export
from focuswatch.errors import FocuswatchError
from lambdas.function_decorator import Invocation, lambda_function, logger, metrics
from lambdas.lambda_run_lease_event_bus_and_heartbeat import LambdaRun


@lambda_function("refresh", one_at_a_time=True)
def handler(invocation: Invocation) -> dict[str, Any]:
    """Refresh every billing period whose delivery changed, then put `Refreshed` on the event bus.

    If the export with IAM principals is configured, refresh it too; its failures are only warnings.
    """
    run = invocation.run
    source = f"s3://{run.bucket}/{os.environ['FOCUSWATCH_EXPORT']}"
    with tempfile.TemporaryDirectory() as mirror:
        listing = list_s3(source, mirror=Path(mirror))
        refreshed = refresh_export(
            run.tables,
            listing,
            owners=run.owners,
            progress=logger.info,
            other_bills=[one.name for one in run.other_bills],
        )
    warnings = (
        *refreshed.warnings,
        *_refresh_principals(run),
        *_store_accounts(run, refreshed),
        *run.tables.files.warnings(),
    )
    age_hours = (datetime.now(UTC) - refreshed.newest_delivery).total_seconds() / 3600
    metrics.add_metric(name="DataAgeHours", unit=MetricUnit.Count, value=age_hours)
    metrics.add_metric(name="ScannedBytes", unit=MetricUnit.Bytes, value=run.scanned_bytes)
    heartbeat = run.beat(
        ran=refreshed.changed,
        as_of=refreshed.as_of,
        data_age_hours=round(age_hours, 2),
        scanned_bytes=run.scanned_bytes,
        failed=dict(refreshed.failed),
        warnings=warnings,
    )
    # Also sent after failures: detections can read the previous tables of failed billing periods.
    run.announce("Refreshed", json.dumps(heartbeat))
    if refreshed.athena_failed:
        raise RuntimeError(
            f"No billing period could be refreshed; all billing periods will be retried: {dict(refreshed.failed)}"
        )
    return heartbeat


def _refresh_principals(run: LambdaRun) -> tuple[str, ...]:
    """Refresh the table of Bedrock callers. Return warnings about skipped periods; none if there is no such export."""
    export = os.environ.get("FOCUSWATCH_PRINCIPALS")
    if not export:
        return ()
    try:
        with tempfile.TemporaryDirectory() as mirror:
            listing = list_s3(f"s3://{run.bucket}/{export}", mirror=Path(mirror))
            return refresh_principals(run.tables, listing, progress=logger.info)
    except FocuswatchError as error:  # detections then state that callers are unknown or out of date
        return (f"callers of Bedrock: {error}",)


def _store_accounts(run: LambdaRun, refreshed: AthenaRefresh) -> tuple[str, ...]:
    """Store the accounts of the export for the function `bills`. Return a warning if this fails."""
    if not run.other_bills:
        return ()
    state = run.other_bills_state
    if not refreshed.changed and state.export_accounts() is not None:
        return ()
    try:
        state.store_export_accounts(run.tables.accounts())
    except FocuswatchError as error:  # `bills` then uses the accounts that were stored before
        return (f"the accounts of the export could not be stored: {error}",)
    return ()
