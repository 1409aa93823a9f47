"""After a run of detections: write the report page to S3, and the ledger to the Athena table `known_findings`."""

from typing import Any

from focuswatch.bill.athena_bill import open_athena_bill
from focuswatch.operations.function_run_heartbeats import last_detections
from focuswatch.reports.known_findings_rows_from_ledger import findings_table_rows
from focuswatch.reports.page import build_document, gather, render_page
from focuswatch.reports.page.sign_and_verify_page_link import KEY
from lambdas.clients_and_resources_from_environment import PATIENT
from lambdas.function_decorator import Invocation, lambda_function


@lambda_function("page", one_at_a_time=True)
def handler(invocation: Invocation) -> dict[str, Any]:
    """Replace the report page. A section whose query fails is omitted, and the page names it."""
    run = invocation.run
    s3 = run.session.client("s3", config=PATIENT)
    with open_athena_bill(run.tables, owners=run.owners) as bill:
        bill.load_known_findings(
            findings_table_rows(run.ledger, engine=bill.engine, owners=run.owners, as_of=bill.as_of)
        )
        page_data = gather(
            bill.engine,
            as_of=bill.as_of,
            currency=bill.summary.currency,
            rate=bill.summary.rate(run.owners),
            catalog=run.catalog,
            owners=run.owners,
            ledger=run.ledger,
            detections=last_detections(run.table, run.catalog),
            other_providers=bill.summary.other_providers,
        )
    page = render_page(build_document(page_data)).encode()
    s3.put_object(
        Bucket=run.bucket, Key=KEY, Body=page, ContentType="text/html; charset=utf-8", CacheControl="no-store"
    )
    failed = {failure.partition(":")[0]: failure for failure in page_data.failures}
    return run.beat(ran=["page"], failed=failed, as_of=bill.as_of, scanned_bytes=run.scanned_bytes)
