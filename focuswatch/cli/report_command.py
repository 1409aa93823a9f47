"""`focuswatch report`: one of the reports over an export."""

from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import options
from focuswatch.cli.open_bill_option import on_trino
from focuswatch.cli.options import EngineName, ReportFormat, SplitBy
from focuswatch.engines.trino_server import SignIn

if TYPE_CHECKING:
    from focuswatch.catalog.catalog import Report
    from focuswatch.cli.last_export import LastExport
    from focuswatch.engines import Row


def report(
    name: Annotated[str, typer.Argument(help="Name of the report; `focuswatch list` has them.")],
    export: options.MaybeExport = None,
    as_of: options.AsOf = None,
    activity: options.Activity = None,
    accounts: options.Accounts = None,
    owners: options.OwnersFile = None,
    ledger: options.LedgerPlace = None,
    state: options.State = None,
    engine: options.Engine = EngineName.DUCKDB,
    trino: options.TrinoServer = None,
    trino_auth: options.TrinoSignIn = SignIn.NONE,
    by: Annotated[
        SplitBy | None,
        typer.Option(
            help="Once for each team, use case or intent, of its charges alone.", show_default=False
        ),
    ] = None,
    format: Annotated[ReportFormat, typer.Option(help="How to print the rows.")] = ReportFormat.TABLE,
) -> None:
    """Print a report.

    Without an export, the report is of the most recent scan, with the files used in it.

    \b
    focuswatch report ai_spend
    focuswatch report weekly_deltas ./focus --format csv
    focuswatch report ai_spend_by_layer --by use_case
    focuswatch report ai_spend lake.billing.export --engine trino --trino https://ana@trino.example.com/lake/focuswatch
    """
    from focuswatch.bill.account_details import account_names
    from focuswatch.catalog.catalog import Catalog
    from focuswatch.cli.last_export import known_bill
    from focuswatch.cli.output import machine_formats, tables
    from focuswatch.reports.findings_table import findings_table_rows, reads_ledger
    from focuswatch.reports.run_report import columns_of, rows_of

    wanted = Catalog.load().report(name)
    with known_bill(
        export,
        as_of=as_of,
        activity=activity,
        accounts=accounts,
        owners=owners,
        state=state,
        trino=on_trino(engine, trino, trino_auth),
    ) as known:
        bill = known.bill
        if reads_ledger(wanted):
            with options.known_ledger(ledger, export=known.export, state=state) as kept:
                findings = findings_table_rows(
                    kept, engine=bill.engine, owners=known.owners, as_of=bill.as_of
                )
                bill.load_known_findings(findings)
        if by:
            rows = _split(wanted, by=by, known=known)
        else:
            rows = rows_of(wanted, engine=bill.engine, as_of=bill.as_of, owners=known.owners)
        columns = (
            list(rows[0])
            if rows
            else columns_of(wanted, engine=bill.engine, as_of=bill.as_of, owners=known.owners)
        )
        names = {}
        if format is ReportFormat.TABLE:
            names = account_names(bill.engine, (row.get("sub_account_id") for row in rows))
    match format:
        case ReportFormat.TABLE:
            tables.report(wanted, rows, currency=bill.summary.currency, names=names)
        case ReportFormat.JSON:
            typer.echo(machine_formats.rows(rows))
        case ReportFormat.CSV:
            typer.echo(machine_formats.csv(rows, columns=columns), nl=False)


def _split(report: "Report", *, by: SplitBy, known: "LastExport") -> "list[Row]":
    from focuswatch.engines.duckdb_engine import DuckDbEngine
    from focuswatch.errors import ConfigError
    from focuswatch.reports.split_report import split_rows

    bill = known.bill
    if not isinstance(bill.engine, DuckDbEngine):
        raise ConfigError("--by needs the embedded engine: elsewhere every part would read the whole bill.")
    return split_rows(
        report, by=by.value, engine=bill.engine, catalog=known.catalog, owners=known.owners, as_of=bill.as_of
    )
