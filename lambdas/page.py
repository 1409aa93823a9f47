"""There was a run: write the page, and beside the tables what the ledger now knows, for whoever asks in Athena."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from focuswatch.bill.table_columns import KNOWN_FINDINGS
from focuswatch.detect.stored_outcomes import StoredOutcomes
from focuswatch.ledger.findings_table import TABLE, rows_of_ledger
from focuswatch.reports.page import build_document, gather, render_page
from focuswatch.reports.page.signed_link import KEY
from lambdas.environment import PATIENT, LambdaRun

logger, metrics, tracer = Logger(), Metrics(), Tracer()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Replace the page by one of now; a section whose statement failed is left out of it, and named in it."""
    run = LambdaRun("page")
    logger.append_keys(run_id=run.id)
    return run.alone(lambda _lease: _page(run), event=event, logger=logger)


def _page(run: LambdaRun) -> dict[str, Any]:
    metrics.add_dimension(name="function", value=run.name)
    metrics.add_metric(name="Runs", unit=MetricUnit.Count, value=1)
    engine = run.engine()
    warehouse = run.warehouse(engine)
    periods = warehouse.periods()
    if not periods:
        return run.beat(doubts=("no billing period was refreshed yet",)).model_dump(mode="json")
    as_of = run.as_of(engine, periods)
    rows = rows_of_ledger(run.ledger, engine=engine, owners=run.owners, as_of=as_of)
    columns = zip(*rows, strict=True) if rows else ([] for _ in KNOWN_FINDINGS)
    warehouse.files.write(TABLE, dict(zip(KNOWN_FINDINGS, map(list, columns), strict=True)))
    s3 = run.session.client("s3", config=PATIENT)
    page_data = gather(
        engine, as_of=as_of, currency=(rate := run.rate(periods)).currency, rate=rate,
        catalog=run.catalog, owners=run.owners, ledger=run.ledger,
        outcomes=StoredOutcomes(s3, run.bucket).recall(run.catalog),
    )  # fmt: skip
    page = render_page(build_document(page_data)).encode()
    s3.put_object(
        Bucket=run.bucket, Key=KEY, Body=page, ContentType="text/html; charset=utf-8", CacheControl="no-store"
    )
    failed = {failure.partition(":")[0]: failure for failure in page_data.failures}
    scanned_bytes = sum(one.scanned_bytes for one in engine.executed)
    told = run.beat(ran=["page"], failed=failed, as_of=as_of, scanned_bytes=scanned_bytes).model_dump(
        mode="json"
    )
    logger.info("heartbeat", extra={"heartbeat": told, "bytes": len(page)})
    return told
