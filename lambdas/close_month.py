"""After a run of detections: once the invoice of a month is issued, post the month close to FinOps."""

from datetime import date
from typing import Any

from focuswatch.bill.athena_bill import open_athena_bill
from focuswatch.reports.month_close import close_month, invoiced_month
from focuswatch.reports.month_close_slack_message import render_month_close_message
from lambdas.function_decorator import Invocation, lambda_function


@lambda_function("close")
def handler(invocation: Invocation) -> dict[str, Any]:
    """Post each month once, however often the function runs; the months before the deployment are not posted."""
    run = invocation.run
    channel = run.owners.slack_channel(None)
    if channel is None or not run.has_bot:  # FinOps has no Slack
        return run.beat()
    with open_athena_bill(run.tables, owners=run.owners) as bill:
        month = invoiced_month(bill, catalog=run.catalog, is_closed=lambda month: run.has_said(_name(month)))
        if month is None:
            return run.beat(as_of=bill.as_of, scanned_bytes=run.scanned_bytes)
        entries = run.ledger.entries().values()
        close = close_month(bill, entries, catalog=run.catalog, owners=run.owners, month=month)
    run.say(_name(month), render_month_close_message(close), channel=channel)
    return run.beat(ran=[f"{month:%Y-%m}"], as_of=bill.as_of, scanned_bytes=run.scanned_bytes)


def _name(month: date) -> str:
    """Return the name under which the message is stored, so that it is posted once."""
    return f"month close {month:%Y-%m}"
