"""`focuswatch chargeback`: allocate the invoices of a month to teams, to the cent."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions, takes
from focuswatch.cli.shared_option_types import MONTH, ReportFormat, parse_month


@takes(BillOptions, without=["others", "as_of", "ledger"])
def chargeback(
    bill_options: BillOptions,
    month: Annotated[
        date, typer.Option(parser=parse_month, metavar=MONTH, help="Billing period, for example 2026-10.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Output folder. The command writes a CSV file and a Parquet file for all teams together, and a CSV "
            "file and a Parquet file for each team.",
            show_default=False,
        ),
    ] = None,
    format: Annotated[ReportFormat, typer.Option(help="Output format.")] = ReportFormat.TABLE,
) -> None:
    """Allocate the invoices of a month to teams.

    The usage, fees, credits, tax, refunds and shared costs of all teams add up to each invoice, to the cent. Shared
    costs are split by the rules under [chargeback] in owners.toml. Charges without a team are listed as unallocated.

    \b
    focuswatch chargeback --month 2026-10
    focuswatch chargeback ./focus --owners owners.toml --month 2026-10 --out ./chargeback
    focuswatch chargeback --month 2026-10 --format csv
    """
    from focuswatch.bill.query_names_ous_and_tags_of_billed_accounts import account_names
    from focuswatch.cli.open_given_or_last_scanned_export import open_export
    from focuswatch.cli.output import chargeback_files, chargeback_rows, chargeback_tables, json_and_csv
    from focuswatch.reports import chargeback as split

    with open_export(bill_options) as opened:
        found = split.chargeback(
            opened.bill, billing_period=month, owners=opened.owners, catalog=opened.catalog
        )
        names = account_names(opened.bill.engine, (line.sub_account_id for line in found))
    rules = opened.owners.chargeback
    lines = chargeback_rows.line_rows(month, found, rules=rules, names=names)
    teams = chargeback_rows.team_rows_of(month, found)
    if out:
        paths = chargeback_files.write_files(out, billing_period=month, teams=teams, lines=lines)
        typer.echo(f"{len(paths)} files written to {out}", err=True)
    match format:
        case ReportFormat.TABLE:
            chargeback_tables.print_chargeback(month, teams=teams, lines=lines)
        case ReportFormat.JSON:
            typer.echo(json_and_csv.rows_json(teams))
        case ReportFormat.CSV:
            columns = list(chargeback_rows.TEAM_COLUMNS)
            typer.echo(json_and_csv.rows_csv(teams, columns=columns, exact=True), nl=False)
