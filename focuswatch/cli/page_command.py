"""`focuswatch page`: write findings, trends and savings as one HTML file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import options
from focuswatch.cli.option_groups import BillOptions, takes

if TYPE_CHECKING:
    from focuswatch.bill.local_bill import Bill
    from focuswatch.catalog.catalog import Catalog
    from focuswatch.ledger import Ledger
    from focuswatch.owners.owners_file import Owners


@takes(BillOptions)
def page(
    bill_options: BillOptions,
    out: Annotated[
        Path, typer.Option("-o", "--out", help="HTML file to write; it opens from disk.", dir_okay=False)
    ] = Path("focuswatch.html"),
) -> None:
    """Write findings, trends and savings as one HTML file.

    Without an export, the page covers the most recent scan.

    \b
    focuswatch page
    focuswatch page ./focus -o report.html
    """
    from focuswatch.cli.opened_export import open_export
    from focuswatch.cli.progress import progress_line

    with (
        open_export(bill_options) as opened,
        options.open_ledger(bill_options.ledger, export=opened.name, state=bill_options.state) as ledger,
        progress_line() as line,
    ):
        line.progress("Writing the page")
        address = write_page(
            opened.bill, ledger=ledger, catalog=opened.catalog, owners=opened.owners, out=out
        )
    typer.echo(address)


def write_page(bill: "Bill", *, ledger: "Ledger", catalog: "Catalog", owners: "Owners", out: Path) -> str:
    """Write the page of an open bill and return its address for a browser."""
    from focuswatch.ledger.findings_on_engine import give_known_findings
    from focuswatch.reports.page import build_document, gather, render_page

    give_known_findings(bill.engine, ledger=ledger, owners=owners, as_of=bill.as_of)
    page_data = gather(
        bill.engine, as_of=bill.as_of, currency=bill.refresh.currency, catalog=catalog, owners=owners,
        ledger=ledger, result_cache=bill.answers, warnings=bill.refresh.warnings, rate=bill.rate(owners),
        detected_on=bill.detected_on, other_providers=bill.refresh.other_providers,
    )  # fmt: skip
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(render_page(build_document(page_data)), encoding="utf-8", newline="\n")
    return out.resolve().as_uri()
