"""`focuswatch scan`: the whole job over an export."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import options
from focuswatch.cli.open_bill_option import OnTrino, on_trino, opened, place_of
from focuswatch.cli.options import EngineName, ScanFormat, SeverityName
from focuswatch.engines.trino_server import SignIn

if TYPE_CHECKING:
    from focuswatch.bill.bill import BillSummary
    from focuswatch.catalog.catalog import Catalog, Detection
    from focuswatch.detect.scan_result import ScanResult

FOUND = 3


def scan(
    export: options.Export,
    as_of: options.AsOf = None,
    activity: options.Activity = None,
    accounts: options.Accounts = None,
    owners: options.OwnersFile = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Ask this detection alone; may be repeated.", show_default=False)
    ] = None,
    engine: options.Engine = EngineName.DUCKDB,
    trino: options.TrinoServer = None,
    trino_auth: options.TrinoSignIn = SignIn.NONE,
    ledger: options.LedgerFile = None,
    state: options.State = None,
    forget_files: Annotated[
        bool,
        typer.Option("--forget-files", help="Scan without the files given with this export before."),
    ] = False,
    format: Annotated[ScanFormat, typer.Option(help="How to print what was found.")] = ScanFormat.TABLE,
    fail_on: Annotated[
        SeverityName | None,
        typer.Option(help="Exit 3 where a finding of this severity or worse is new.", show_default=False),
    ] = None,
) -> None:
    """Find waste, anomalies and security signals in a bill.

    Each finding names its owner and what to do.

    \b
    focuswatch scan ./focus
    focuswatch scan s3://my-bucket/focus --owners owners.toml --activity activity.parquet
    focuswatch scan lake.billing.focus_export --engine trino --trino https://ana@trino.example.com/lake/focuswatch
    focuswatch scan ./focus --format json | jq '.[] | select(.status == "new")'
    """
    with notifying(
        export, as_of=options.day(as_of), activity=activity, accounts=accounts, owners=owners, only=only,
        ledger=ledger, state=state, trino=on_trino(engine, trino, trino_auth),
        forget_files=forget_files,
    ) as (scanned, summary):  # fmt: skip
        _print(scanned, summary, format, state=state)
    if scanned.failures:
        raise typer.Exit(1)
    if fail_on and any(
        _is_news_from(news.finding.severity, fail_on) for news in scanned.notifications if news.kind == "new"
    ):
        raise typer.Exit(FOUND)


def run(
    export: str, *, as_of: date | None, activity: Path | None, accounts: Path | None, owners: Path | None,
    only: list[str] | None, ledger: Path | None, state: Path | None,
    trino: OnTrino | None = None, forget_files: bool = False,
) -> "tuple[ScanResult, BillSummary]":  # fmt: skip
    """Open the bill and its ledger, and scan; whoever calls it has been notified."""
    with notifying(
        export, as_of=as_of, activity=activity, accounts=accounts, owners=owners, only=only, ledger=ledger,
        state=state, trino=trino, forget_files=forget_files,
    ) as done:  # fmt: skip
        return done


@contextmanager
def notifying(
    export: str, *, as_of: date | None, activity: Path | None, accounts: Path | None, owners: Path | None,
    only: list[str] | None, ledger: Path | None, state: Path | None,
    trino: OnTrino | None = None, forget_files: bool = False,
) -> "Iterator[tuple[ScanResult, BillSummary]]":  # fmt: skip
    """Open the bill and its ledger, and scan; the block writes the findings out.

    They count as notified once the block has ended and its output is flushed: what was not written is news again.
    """
    from focuswatch.bill.bill import BillInputs
    from focuswatch.bill.remembered_inputs import (
        RecalledInputs,
        RememberedInputs,
        recall_inputs,
        remember_inputs,
        state_of,
    )
    from focuswatch.catalog.catalog import Catalog
    from focuswatch.cli.progress import talking
    from focuswatch.detect.result_cache import open_result_cache
    from focuswatch.detect.scan import scan as scan_bill
    from focuswatch.detect.scan_result import with_pending_notifications
    from focuswatch.ledger import SqliteLedger
    from focuswatch.owners.owners_file import Owners

    given = RememberedInputs(export, activity=activity, accounts=accounts, owners=owners)
    found = RecalledInputs(given, given) if trino or forget_files else recall_inputs(given, root=state)
    taken = found.inputs
    catalog, known_owners = Catalog.load(), Owners.load(taken.owners)
    options.note_unfinished(catalog)
    detections = _chosen(catalog, only)
    inputs = BillInputs(
        export,
        state=state_of(place_of(export, trino), root=state),
        activity=taken.activity,
        accounts=taken.accounts,
        as_of=as_of,
    )
    with closing(SqliteLedger(options.ledger_path(ledger, state=inputs.state))) as kept:
        with (
            talking() as talk,
            opened(inputs, trino=trino, catalog=catalog, owners=known_owners, progress=talk.progress) as bill,
        ):
            for note in found.notes:
                talk.note(note)
            for warning in bill.summary.warnings:
                talk.note(f"Note: {warning}")
            scanned = scan_bill(
                bill.aws_engine, as_of=bill.as_of, currency=bill.summary.currency, catalog=catalog,
                detections=detections, owners=known_owners, ledger=kept, progress=talk.progress,
                result_cache=open_result_cache(inputs.state, catalog=catalog, data_digest=bill.data_digest),
                rate=bill.summary.rate(known_owners),
            )  # fmt: skip
        if trino is None:
            remember_inputs(found.to_remember, root=state)
        untold = list(kept.pending_notifications())
        yield with_pending_notifications(scanned, untold), bill.summary
        sys.stdout.flush()
        kept.mark_notified(*untold)


def _chosen(catalog: "Catalog", only: list[str] | None) -> "list[Detection]":
    if not only:
        return list(catalog.live)
    names = [name.strip() for given in only for name in given.split(",")]
    return [catalog.detection(name) for name in names]


def _is_news_from(severity: str, least: SeverityName) -> bool:
    order = list(SeverityName)
    return order.index(SeverityName(severity)) >= order.index(least)


def _print(scanned: "ScanResult", summary: "BillSummary", format: ScanFormat, *, state: Path | None) -> None:
    from focuswatch.cli.output import machine_formats, slack_payload, tables

    match format:
        case ScanFormat.TABLE:
            tables.scanned(scanned, summary, state=state)
        case ScanFormat.JSON:
            typer.echo(machine_formats.findings(scanned.findings))
        case ScanFormat.SLACK:
            typer.echo(slack_payload.news(scanned))
    if format is not ScanFormat.TABLE:
        tables.failures(scanned)
