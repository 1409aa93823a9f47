"""Once an hour, if `spend_rate` is enabled: collect token counts, and record findings about their estimated cost."""

import json
import os
from datetime import UTC, datetime
from typing import Any

from focuswatch.bill.athena_bill import open_athena_bill
from focuswatch.collect.collect_and_store_token_hours import HourlySummary, collect_token_hours
from focuswatch.collect.read_and_write_collected_tables_in_s3 import Store
from focuswatch.collect.shared_clients_for_member_accounts import ADAPTIVE_RETRIES, member_sessions
from focuswatch.detect.record_estimated_findings_between_scans import record_estimates
from lambdas.function_decorator import Invocation, lambda_function, logger


@lambda_function("hourly", one_at_a_time=True, traces_aws_calls=False)
def handler(invocation: Invocation) -> dict[str, Any]:
    """Collect `token_hours`, run the detections that estimate cost, and send `Detected` if there are notifications."""
    run = invocation.run
    summary = _collect(invocation)
    with open_athena_bill(run.tables, owners=run.owners) as bill:
        estimates = record_estimates(
            bill.aws_engine,
            as_of=bill.as_of,
            catalog=run.catalog,
            owners=run.owners,
            rate=bill.summary.rate(run.owners),
            ledger=run.ledger,
        )
    failed = {outcome.detection.id: outcome.error for outcome in estimates.outcomes if outcome.error}
    heartbeat = run.beat(
        ran=summary.accounts,
        failed={**summary.refusals, **failed},
        as_of=bill.as_of,
        scanned_bytes=run.scanned_bytes,
    )
    if estimates.decision.notifications:  # otherwise `publish` and `page` need not run
        notified = {"run_id": run.id, "news": len(estimates.decision.notifications)}
        run.announce("Detected", json.dumps(notified))
    return heartbeat


def _collect(invocation: Invocation) -> HourlySummary:
    run = invocation.run
    store = Store(run.session.client("s3", config=ADAPTIVE_RETRIES), run.bucket)
    summary = collect_token_hours(
        [row["sub_account_id"] for row in store.accounts() if row["closed_on"] is None],
        session_for=member_sessions(
            run.session.client("sts", config=ADAPTIVE_RETRIES),
            role=os.environ["FOCUSWATCH_MEMBER_ROLE"],
            external_id=os.environ["FOCUSWATCH_EXTERNAL_ID"],
        ),
        store=store,
        regions=os.environ["FOCUSWATCH_REGIONS"].split(","),
        now=datetime.now(UTC),
    )
    logger.info(
        "collected",
        extra={
            "accounts": len(summary.accounts),
            "changed": summary.changed,
            "refused": summary.refusals,
            "postponed": len(summary.postponed),
        },
    )
    return summary
