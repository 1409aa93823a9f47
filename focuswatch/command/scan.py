"""`focuswatch scan`: the whole job over an export."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.command import options
from focuswatch.command.opened import OnTrino, on_trino, opened, place_of
from focuswatch.command.options import EngineName, ScanFormat, SeverityName
from focuswatch.lake.server import SignIn

if TYPE_CHECKING:
    from focuswatch.catalog import Catalog, Detection
    from focuswatch.export.refresh import Refresh
    from focuswatch.scan import Scanned

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
    format: Annotated[ScanFormat, typer.Option(help="How to print what was found.")] = ScanFormat.TABLE,
    fail_on: Annotated[
        SeverityName | None,
        typer.Option(help="Exit 3 where a finding of this severity or worse is new.", show_default=False),
    ] = None,
) -> None:
    """Find what to switch off and what to look into in a bill, and say who owns it.

    \b
    focuswatch scan ./focus
    focuswatch scan s3://my-bucket/focus --owners owners.toml --activity activity.parquet
    focuswatch scan lake.billing.focus_export --engine trino --trino https://ana@trino.example.com/lake/focuswatch
    focuswatch scan ./focus --format json | jq '.[] | select(.status == "new")'
    """
    scanned, refreshed = run(
        export, as_of=options.day(as_of), activity=activity, accounts=accounts, owners=owners, only=only,
        ledger=ledger, state=state, trino=on_trino(engine, trino, trino_auth),
    )  # fmt: skip
    _print(scanned, refreshed, format)
    if scanned.failures:
        raise typer.Exit(1)
    if fail_on and any(
        _is_news_from(news.finding.severity, fail_on) for news in scanned.news if news.kind == "new"
    ):
        raise typer.Exit(FOUND)


def run(
    export: str, *, as_of: date | None, activity: Path | None, accounts: Path | None, owners: Path | None,
    only: list[str] | None, ledger: Path | None, state: Path | None,
    trino: OnTrino | None = None,
) -> "tuple[Scanned, Refresh]":  # fmt: skip
    """Open the bill and its ledger, and scan."""
    from focuswatch.bill import BESIDE, Inputs, Latest, as_last_time, remember, state_of
    from focuswatch.catalog import Catalog
    from focuswatch.command.talk import talking
    from focuswatch.ledger import SqliteLedger
    from focuswatch.owners import Owners
    from focuswatch.scan import scan as scan_bill

    given = Latest(export, activity=activity, accounts=accounts, owners=owners)
    taken = given if trino else as_last_time(given, root=state)
    again = [
        f"--{name} {getattr(taken, name)}" for name in BESIDE if getattr(taken, name) != getattr(given, name)
    ]
    catalog, known_owners = Catalog.load(), Owners.load(taken.owners)
    detections = _chosen(catalog, only)
    inputs = Inputs(
        export,
        state=state_of(place_of(export, trino), root=state),
        activity=taken.activity,
        accounts=taken.accounts,
        as_of=as_of,
    )
    with (
        talking() as talk,
        opened(inputs, trino=trino, catalog=catalog, owners=known_owners, say=talk.progress) as bill,
    ):
        if again:
            talk.note(f"As in the last scan of this export: {' '.join(again)}")
        for warning in bill.refresh.warnings:
            talk.note(f"Note: {warning}")
        kept = SqliteLedger(options.ledger_path(ledger, state=inputs.state))
        try:
            scanned = scan_bill(
                bill.engine, as_of=bill.as_of, currency=bill.refresh.currency, catalog=catalog,
                detections=detections, owners=known_owners, ledger=kept, say=talk.progress, answers=bill.answers,
                rate=bill.rate(known_owners),
            )  # fmt: skip
        finally:
            kept.close()
    if trino is None:
        remember(taken, root=state)
    return scanned, bill.refresh


def _chosen(catalog: "Catalog", only: list[str] | None) -> "list[Detection]":
    if not only:
        return list(catalog.live)
    names = [name.strip() for given in only for name in given.split(",")]
    return [catalog.detection(name) for name in names]


def _is_news_from(severity: str, least: SeverityName) -> bool:
    order = list(SeverityName)
    return order.index(SeverityName(severity)) >= order.index(least)


def _print(scanned: "Scanned", refreshed: "Refresh", format: ScanFormat) -> None:
    from focuswatch import show

    match format:
        case ScanFormat.TABLE:
            show.table.scanned(scanned, refreshed)
        case ScanFormat.JSON:
            typer.echo(show.json.findings(scanned.findings))
        case ScanFormat.SLACK:
            typer.echo(show.slack.news(scanned))
    if format is not ScanFormat.TABLE:
        show.table.failures(scanned)
