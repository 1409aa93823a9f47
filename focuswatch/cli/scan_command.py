"""`focuswatch scan`: find waste, anomalies and security signals in a bill."""

import gc
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import open_ledger_and_find_entry, shared_option_types
from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions, takes
from focuswatch.cli.shared_option_types import ScanFormat, SeverityName

if TYPE_CHECKING:
    from collections.abc import Callable

    from focuswatch.bill.bill_protocol import Bill
    from focuswatch.bill.bill_summary_with_days_currency_and_warnings import BillSummary
    from focuswatch.catalog.sql_catalog import Catalog, Detection
    from focuswatch.cli.output.next_command_with_ledger_options import NextCommand
    from focuswatch.detect.scan_result import ScanResult

NEW_FINDING_EXIT = 3


@takes(BillOptions, export=shared_option_types.Export, ledger=shared_option_types.LedgerFile)
def scan(
    bill_options: BillOptions,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Run only this detection. To run several detections, repeat --only.", show_default=False
        ),
    ] = None,
    forget_files: Annotated[
        bool,
        typer.Option(
            "--forget-files",
            help="Do not use the files that you passed to earlier scans of this export.",
        ),
    ] = False,
    format: Annotated[ScanFormat, typer.Option(help="Output format.")] = ScanFormat.TABLE,
    fail_on: Annotated[
        SeverityName | None,
        typer.Option(
            help="Exit with code 3 if there is a new finding of this severity or higher.", show_default=False
        ),
    ] = None,
) -> None:
    """Find waste, cost anomalies and security incidents in a bill.

    Each finding lists the owner and the recommended steps. A second scan of the same bill reports no new findings.

    \b
    focuswatch scan ./focus
    focuswatch scan ./aws ./azure ./litellm
    focuswatch scan s3://my-bucket/focus --owners owners.toml --activity activity.parquet
    focuswatch scan hive.billing.focus_export --engine trino --trino https://ana@trino.example.com/hive/focuswatch
    focuswatch scan ./focus --format json | jq '.[] | select(.status == "new")'
    """
    with (
        _without_garbage_collection(),
        scan_and_notify(bill_options, only=only, forget_files=forget_files) as (scanned, refreshed),
    ):
        _print(scanned, refreshed, format, next_command=_next_command(bill_options))
    if scanned.failures:
        raise typer.Exit(1)
    if fail_on and any(
        _is_at_least(notification.finding.severity, fail_on)
        for notification in scanned.notifications
        if notification.kind == "new"
    ):
        raise typer.Exit(NEW_FINDING_EXIT)


@contextmanager
def scan_and_notify(
    bill_options: BillOptions, *, only: list[str] | None = None, forget_files: bool = False
) -> "Iterator[tuple[ScanResult, BillSummary]]":
    """Scan a bill and yield the result, whose findings the `with` block prints.

    Notifications are marked as sent after the block has ended and stdout is flushed. If the block fails, the next scan
    reports the same findings again.
    """
    from focuswatch.bill.local_bill import export_with_hours
    from focuswatch.bill.remember_and_recall_inputs_of_last_scan import remember_inputs
    from focuswatch.catalog.sql_catalog import Catalog
    from focuswatch.cli.open_bill_on_duckdb_or_trino import open_on_engine
    from focuswatch.cli.open_given_or_last_scanned_export import bill_inputs, recalled_files
    from focuswatch.cli.progress_and_notes import note_unfinished, progress_line
    from focuswatch.detect.bill_to_scan import bill_to_scan
    from focuswatch.detect.detection_result_cache import open_result_cache
    from focuswatch.detect.merge_pending_notifications import with_pending_notifications
    from focuswatch.detect.scan_and_record_findings import scan as scan_bill
    from focuswatch.ledger import SqliteLedger
    from focuswatch.owners.owners_file import Owners

    trino = bill_options.trino_location
    recalled = recalled_files(bill_options, forget=forget_files)
    catalog, owners = Catalog.load(), Owners.load(recalled.inputs.owners)
    note_unfinished(catalog)
    detections = _selected(catalog, only)
    inputs = bill_inputs(bill_options, recalled)
    ledger_path = open_ledger_and_find_entry.ledger_path(bill_options.ledger, state=inputs.state)
    with ExitStack() as stack:  # keeps the ledger open in the caller's block; the bill is closed before
        with (
            progress_line() as line,
            open_on_engine(
                inputs, trino=trino, catalog=catalog, owners=owners, progress=line.progress
            ) as bill,
        ):
            ledger = stack.enter_context(closing(SqliteLedger(ledger_path)))
            for note in (*recalled.notes, *(f"Note: {warning}" for warning in bill.summary.warnings)):
                line.note(note)
            scanned = scan_bill(
                bill_to_scan(bill, owners=owners, hourly=export_with_hours(bill)),
                catalog=catalog,
                detections=detections,
                owners=owners,
                ledger=ledger,
                progress=line.progress,
                result_cache=open_result_cache(inputs.state, catalog=catalog, data_digest=bill.data_digest),
            )
            _keep_forecasts(bill, catalog=catalog, note=line.note)
        if trino is None:
            remember_inputs(recalled.to_remember, root=bill_options.state)
        pending = list(ledger.pending_notifications())
        yield with_pending_notifications(scanned, pending), bill.summary
        sys.stdout.flush()
        ledger.mark_notified(*pending)


def _next_command(bill_options: BillOptions) -> "NextCommand":
    """Return the commands that read the ledger of this scan.

    The next command finds the ledger of the most recently scanned export by itself, but not that of a table on Trino.
    """
    from focuswatch.cli.output.next_command_with_ledger_options import NextCommand

    export = open_ledger_and_find_entry.scanned_export(bill_options) if bill_options.trino_location else None
    return NextCommand(bill_options.state, bill_options.ledger, export)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Disable the garbage collector in the block: it would search all findings, although a scan makes few cycles."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _keep_forecasts(bill: "Bill", *, catalog: "Catalog", note: "Callable[[str], None]") -> None:
    """Store today's forecasts for the month close. A failed query is only noted, so that the findings are not lost."""
    from focuswatch.detect.forecast.make_and_store_forecasts_for_month_close import store_forecasts_of_day
    from focuswatch.errors import QueryError

    try:
        store_forecasts_of_day(bill, catalog=catalog)
    except QueryError as error:
        note(f"Note: the forecasts of this scan were not stored: {error}")


def _selected(catalog: "Catalog", only: list[str] | None) -> "list[Detection]":
    if not only:
        return list(catalog.enabled)
    return [catalog.detection(name.strip()) for names in only for name in names.split(",")]


def _is_at_least(severity: str, least: SeverityName) -> bool:
    order = list(SeverityName)
    return order.index(SeverityName(severity)) >= order.index(least)


def _print(
    scanned: "ScanResult", summary: "BillSummary", format: ScanFormat, *, next_command: "NextCommand"
) -> None:
    from focuswatch.cli.output import json_and_csv, scan_notifications_as_slack_message, scan_tables

    match format:
        case ScanFormat.TABLE:
            scan_tables.print_scan(scanned, summary, next_command=next_command)
        case ScanFormat.JSON:
            json_and_csv.print_findings_json(scanned.findings)
        case ScanFormat.SLACK:
            typer.echo(scan_notifications_as_slack_message.notification_payload(scanned))
    if format is not ScanFormat.TABLE:
        scan_tables.print_failures(scanned)
