"""Resolve `as_of`, the first day that is not analyzed, from --as-of and the extent of the bill."""

from datetime import date, timedelta

from focuswatch.bill.bill_summary_with_days_currency_and_warnings import BillSummary
from focuswatch.errors import ConfigError

# An --as-of more days after the last charge is rejected: later scans would then seem outdated to the ledger.
MAX_DAYS_AFTER_BILL = 366


def resolve_as_of(requested: date | None, *, summary: BillSummary) -> date:
    """Return the first day that is not analyzed. Raises ConfigError if the requested day is out of range."""
    default = summary.day_after_last_charge
    if requested is None:
        return default
    if requested <= summary.first_charge_date:
        raise ConfigError(
            f"--as-of {requested} is not after the first charge; this bill has charges from "
            f"{summary.first_charge_date} to {summary.last_charge_date}. Specify a later date."
        )
    if requested > default + timedelta(days=MAX_DAYS_AFTER_BILL):
        raise ConfigError(
            f"--as-of {requested} is more than {MAX_DAYS_AFTER_BILL} days after the last charge "
            f"({summary.last_charge_date}). Specify an earlier date, or omit --as-of."
        )
    return requested
