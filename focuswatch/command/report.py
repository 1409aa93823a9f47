"""`focuswatch report`: one of the reports over an export."""

from typing import Annotated

import typer

from focuswatch.command import options
from focuswatch.command.options import ReportFormat


def report(
    name: Annotated[str, typer.Argument(help="Name of the report; `focuswatch list` has them.")],
    export: options.MaybeExport = None,
    as_of: options.AsOf = None,
    activity: options.Activity = None,
    accounts: options.Accounts = None,
    owners: options.OwnersFile = None,
    state: options.State = None,
    format: Annotated[ReportFormat, typer.Option(help="How to print the rows.")] = ReportFormat.TABLE,
) -> None:
    """Print one of the reports; without an export, of the one scanned last, with the files that were beside it.

    \b
    focuswatch report ai_spend
    focuswatch report weekly_deltas ./focus --format csv
    """
    from focuswatch import show
    from focuswatch.catalog import Catalog
    from focuswatch.command.known import known_bill
    from focuswatch.report import columns_of, rows_of

    wanted = Catalog.load().report(name)
    with known_bill(
        export, as_of=as_of, activity=activity, accounts=accounts, owners=owners, state=state
    ) as known:
        bill = known.bill
        rows = rows_of(wanted, engine=bill.engine, as_of=bill.as_of, owners=known.owners)
        columns = (
            list(rows[0])
            if rows
            else columns_of(wanted, engine=bill.engine, as_of=bill.as_of, owners=known.owners)
        )
    match format:
        case ReportFormat.TABLE:
            show.table.report(wanted, rows, currency=bill.refresh.currency)
        case ReportFormat.JSON:
            typer.echo(show.json.rows(rows))
        case ReportFormat.CSV:
            typer.echo(show.json.csv(rows, columns=columns), nl=False)
