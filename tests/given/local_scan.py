"""Scan a bill as `focuswatch scan` does."""

from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions
from focuswatch.cli.scan_command import scan_and_notify
from focuswatch.detect.scan_result import ScanResult


def scan_local_bill(bill_options: BillOptions, *, only: list[str] | None = None) -> ScanResult:
    """Scan a bill, mark its notifications as sent, and return the result."""
    with scan_and_notify(bill_options, only=only) as (scanned, _):
        return scanned
