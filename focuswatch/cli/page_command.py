"""`focuswatch page`: what there is to see, in one file for a browser."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import options
from focuswatch.cli.open_bill_option import on_trino
from focuswatch.cli.options import EngineName
from focuswatch.engines.trino_server import SignIn

if TYPE_CHECKING:
    from focuswatch.bill.bill import Bill
    from focuswatch.catalog.catalog import Catalog
    from focuswatch.detect.result_cache import ResultCache
    from focuswatch.ledger import Ledger
    from focuswatch.owners.owners_file import Owners


def page(
    export: options.MaybeExport = None,
    out: Annotated[
        Path, typer.Option("-o", "--out", help="The file to write; it opens from disk.", dir_okay=False)
    ] = Path("focuswatch.html"),
    as_of: options.AsOf = None,
    activity: options.Activity = None,
    accounts: options.Accounts = None,
    owners: options.OwnersFile = None,
    ledger: options.LedgerPlace = None,
    state: options.State = None,
    engine: options.Engine = EngineName.DUCKDB,
    trino: options.TrinoServer = None,
    trino_auth: options.TrinoSignIn = SignIn.NONE,
) -> None:
    """Write findings, trends and savings as one HTML file.

    Without an export, the page is of the most recent scan.

    \b
    focuswatch page
    focuswatch page ./focus -o report.html
    """
    from focuswatch.cli.last_export import known_bill
    from focuswatch.cli.progress import talking

    with (
        known_bill(
            export,
            as_of=as_of,
            activity=activity,
            accounts=accounts,
            owners=owners,
            state=state,
            trino=on_trino(engine, trino, trino_auth),
        ) as known,
        options.known_ledger(ledger, export=known.export, state=state) as kept,
        talking() as talk,
    ):
        talk.progress("Drawing the page")
        address = write(
            known.bill,
            ledger=kept,
            catalog=known.catalog,
            owners=known.owners,
            out=out,
            results=known.results,
        )
    typer.echo(address)


def write(
    bill: "Bill",
    *,
    ledger: "Ledger",
    catalog: "Catalog",
    owners: "Owners",
    out: Path,
    results: "ResultCache | None" = None,
) -> str:
    """Write the page of an open bill; what comes back is its address for a browser."""
    from focuswatch.reports.findings_table import findings_table_rows
    from focuswatch.reports.page import document, gather, html

    bill.load_known_findings(findings_table_rows(ledger, engine=bill.engine, owners=owners, as_of=bill.as_of))
    gathered = gather(
        bill.engine, as_of=bill.as_of, currency=bill.summary.currency, catalog=catalog, owners=owners,
        ledger=ledger, answers=results, warnings=bill.summary.warnings, rate=bill.summary.rate(owners),
        judged=bill.aws_engine, other_providers=bill.summary.other_providers,
    )  # fmt: skip
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(html(document(gathered)), encoding="utf-8", newline="\n")
    return out.resolve().as_uri()
