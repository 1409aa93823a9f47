"""`focuswatch page`: what there is to see, in one file for a browser."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.command import options

if TYPE_CHECKING:
    from focuswatch.bill import Bill
    from focuswatch.catalog import Catalog
    from focuswatch.ledger import Ledger
    from focuswatch.owners import Owners


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
) -> None:
    """Write the page: what burns, findings, anomalies, movers, savings; of the export scanned last, without one.

    \b
    focuswatch page
    focuswatch page ./focus -o report.html
    """
    from focuswatch.bill import Inputs, Latest, latest, open_bill, state_of
    from focuswatch.catalog import Catalog
    from focuswatch.command.talk import talking
    from focuswatch.owners import Owners

    scanned = Latest(export) if export else latest(root=state)
    catalog, known_owners = Catalog.load(), Owners.load(owners or scanned.owners)
    inputs = Inputs(
        scanned.export,
        state=state_of(scanned.export, root=state),
        activity=activity or scanned.activity,
        accounts=accounts or scanned.accounts,
        as_of=options.day(as_of),
    )
    with (
        talking() as talk,
        options.known_ledger(ledger, export=scanned.export, state=state) as kept,
        open_bill(inputs, catalog=catalog, owners=known_owners, say=talk.progress) as bill,
    ):
        talk.progress("Drawing the page")
        address = write(bill, ledger=kept, catalog=catalog, owners=known_owners, out=out)
    typer.echo(address)


def write(bill: "Bill", *, ledger: "Ledger", catalog: "Catalog", owners: "Owners", out: Path) -> str:
    """Write the page of an open bill; what comes back is its address for a browser."""
    from focuswatch.page import document, gather, html

    gathered = gather(
        bill.engine, as_of=bill.as_of, currency=bill.refresh.currency, catalog=catalog, owners=owners,
        ledger=ledger, answers=bill.answers, warnings=bill.refresh.warnings,
    )  # fmt: skip
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(html(document(gathered)), encoding="utf-8", newline="\n")
    return out.resolve().as_uri()
