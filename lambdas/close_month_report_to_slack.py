"""After a run of detections: once the invoice of a month is issued, post the month close to the FinOps channel."""

from datetime import date
from typing import Any

from focuswatch.bill.athena_bill import open_athena_bill
from focuswatch.reports.choose_ended_and_invoiced_month import invoiced_month
from focuswatch.reports.compare_month_with_its_forecasts import close_month
from focuswatch.reports.month_close_slack_message import render_month_close_message
from lambdas.function_decorator import Invocation, lambda_function


@lambda_function("close")
def handler(invocation: Invocation) -> dict[str, Any]:
    """Post the newest ended month once, however often the function runs. Earlier months are not posted."""
    run = invocation.run
    if not run.can_post_to_finops():
        return run.beat()
    with open_athena_bill(run.tables, owners=run.owners) as bill:
        month = invoiced_month(
            bill, catalog=run.catalog, is_closed=lambda month: run.was_posted(_name(month))
        )
        if month is None:
            return run.beat(as_of=bill.as_of, scanned_bytes=run.scanned_bytes)
        entries = run.ledger.entries().values()
        close = close_month(bill, entries, catalog=run.catalog, owners=run.owners, month=month)
    run.scheduled_messages.post(_name(month), render_month_close_message(close), team=None)
    return run.beat(ran=[f"{month:%Y-%m}"], as_of=bill.as_of, scanned_bytes=run.scanned_bytes)


def _name(month: date) -> str:
    """Return the name under which the message is stored, so that it is posted once."""
    return f"month close {month:%Y-%m}"
