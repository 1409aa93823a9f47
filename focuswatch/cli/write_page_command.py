"""`focuswatch page`: write findings, trends and savings as one HTML file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import open_ledger_and_find_entry
from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions, takes

if TYPE_CHECKING:
    from focuswatch.bill.bill_protocol import Bill
    from focuswatch.catalog.sql_catalog import Catalog
    from focuswatch.detect.detection_result_cache import ResultCache
    from focuswatch.ledger import Ledger
    from focuswatch.owners.owners_file import Owners


@takes(BillOptions)
def page(
    bill_options: BillOptions,
    out: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            help="Path to the HTML file to write. You can open this file in a browser without a web server.",
            dir_okay=False,
        ),
    ] = Path("focuswatch.html"),
) -> None:
    """Write findings, trends and savings as one HTML file.

    If you specify no export, the report page shows the most recently scanned export.

    \b
    focuswatch page
    focuswatch page ./focus -o report.html
    """
    from focuswatch.cli.open_given_or_last_scanned_export import open_export
    from focuswatch.cli.progress_and_notes import progress_line

    with (
        open_export(bill_options) as opened,
        open_ledger_and_find_entry.open_ledger(
            bill_options.ledger, export=opened.name, state=bill_options.state
        ) as ledger,
        progress_line() as line,
    ):
        line.progress("Writing the report page")
        address = write_page(
            opened.bill,
            ledger=ledger,
            catalog=opened.catalog,
            owners=opened.owners,
            out=out,
            result_cache=opened.result_cache,
        )
    typer.echo(address)


def write_page(
    bill: "Bill",
    *,
    ledger: "Ledger",
    catalog: "Catalog",
    owners: "Owners",
    out: Path,
    result_cache: "ResultCache | None" = None,
) -> str:
    """Write the report page of an open bill, and return its file:// URL."""
    from focuswatch.reports.known_findings_rows_from_ledger import findings_table_rows
    from focuswatch.reports.page import build_document, gather, render_page

    rows = findings_table_rows(ledger, engine=bill.engine, owners=owners, as_of=bill.as_of)
    bill.load_known_findings(rows)
    page_data = gather(
        bill.engine,
        as_of=bill.as_of,
        currency=bill.summary.currency,
        catalog=catalog,
        owners=owners,
        ledger=ledger,
        result_cache=result_cache,
        warnings=bill.summary.warnings,
        rate=bill.summary.rate(owners),
        detected_on=bill.aws_engine,
        other_providers=bill.summary.other_providers,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(render_page(build_document(page_data)), encoding="utf-8", newline="\n")
    return out.resolve().as_uri()
