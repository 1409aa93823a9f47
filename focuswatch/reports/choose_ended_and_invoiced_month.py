"""Choose the month to close: one that has ended, and if possible one that AWS has invoiced."""

from collections.abc import Callable
from datetime import date, timedelta

from focuswatch.bill.bill_protocol import Bill
from focuswatch.bill.query_invoices_and_their_charges import MonthInvoice, month_invoices
from focuswatch.bill.settling_days import AWS_DAYS
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import ConfigError
from focuswatch.reports.month_close_model_with_report_rows_and_notes import is_invoiced


def invoiced_month(bill: Bill, *, catalog: Catalog, is_closed: Callable[[date], bool]) -> date | None:
    """Return the newest month that has ended if it can be closed: its days are complete and its invoice is issued.

    Return None if `is_closed` states that the month was closed before; the export is then not read. Raises
    ExportError and QueryError.
    """
    month = ended_month(bill.as_of)
    is_complete = bill.as_of >= next_month(month) + timedelta(days=AWS_DAYS)
    if not is_complete or bill.summary.first_charge_date >= next_month(month) or is_closed(month):
        return None
    return month if is_invoiced(month_invoices(bill, month, catalog=catalog)) else None


def month_and_invoices(
    bill: Bill, month: date | None, *, catalog: Catalog
) -> tuple[date, list[MonthInvoice]]:
    """Return the month to close and its invoices; `month` None means the newest month that has ended.

    Raises ConfigError if `month` has not ended or is not on the bill, and ExportError and QueryError.
    """
    newest, first = ended_month(bill.as_of), bill.summary.first_charge_date.replace(day=1)
    if month and not first <= month <= newest:
        raise ConfigError(
            f"month_close: {month:%Y-%m} is not a complete month on this bill. The bill contains charges from "
            f"{bill.summary.first_charge_date} to {bill.summary.last_charge_date}. Specify another month."
        )
    if month:
        return month, month_invoices(bill, month, catalog=catalog)
    invoices = month_invoices(bill, newest, catalog=catalog)
    before = ended_month(newest)
    if not is_invoiced(invoices) and before >= first:
        earlier = month_invoices(bill, before, catalog=catalog)
        if is_invoiced(earlier):
            return before, earlier
    return newest, invoices


def ended_month(as_of: date) -> date:
    """Return the first day of the newest month that ended before `as_of`."""
    return (as_of.replace(day=1) - timedelta(days=1)).replace(day=1)


def next_month(month: date) -> date:
    """Return the first day of the month after `month`."""
    return (month + timedelta(days=32)).replace(day=1)
