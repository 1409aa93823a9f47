"""`focuswatch report`: print one of the catalog's reports over an export."""

from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import options
from focuswatch.cli.option_groups import BillOptions, takes
from focuswatch.cli.options import ReportFormat, SplitBy

if TYPE_CHECKING:
    from focuswatch.catalog.sql_catalog import Report
    from focuswatch.cli.opened_export import OpenedExport
    from focuswatch.engines import Row


@takes(BillOptions)
def report(
    name: Annotated[str, typer.Argument(help="Name of the report. `focuswatch list` shows all names.")],
    bill_options: BillOptions,
    by: Annotated[
        SplitBy | None,
        typer.Option(help="Run the report once per team, use case, intent or provider.", show_default=False),
    ] = None,
    format: Annotated[ReportFormat, typer.Option(help="Output format.")] = ReportFormat.TABLE,
) -> None:
    """Print a report.

    If no export is named, the report covers the most recent scan and uses the files of that scan.

    \b
    focuswatch report ai_spend
    focuswatch report weekly_deltas ./focus --format csv
    focuswatch report ai_spend_by_layer --by use_case
    focuswatch report ai_spend --by provider
    focuswatch report ai_spend hive.billing.export --engine trino --trino https://ana@trino.example.com/hive/focuswatch
    """
    from focuswatch.catalog.sql_catalog import Catalog
    from focuswatch.cli.opened_export import open_export

    selected = Catalog.load().report(name)
    with open_export(bill_options) as opened:
        _load_findings(selected, opened=opened, bill_options=bill_options)
        rows = _split_rows(selected, by=by, opened=opened) if by else _rows(selected, opened=opened)
        _print(selected, rows, opened=opened, format=format)


def _load_findings(report: "Report", *, opened: "OpenedExport", bill_options: BillOptions) -> None:
    """Give a report that reads findings those of the ledger."""
    from focuswatch.reports.findings_table import findings_table_rows, reads_ledger

    if reads_ledger(report):
        with options.open_ledger(bill_options.ledger, export=opened.name, state=bill_options.state) as ledger:
            bill = opened.bill
            rows = findings_table_rows(ledger, engine=bill.engine, owners=opened.owners, as_of=bill.as_of)
            bill.load_known_findings(rows)


def _rows(report: "Report", *, opened: "OpenedExport") -> "list[Row]":
    from focuswatch.reports.run_report import report_rows

    bill = opened.bill
    return report_rows(report, engine=bill.engine, as_of=bill.as_of, owners=opened.owners)


def _split_rows(report: "Report", *, by: SplitBy, opened: "OpenedExport") -> "list[Row]":
    from focuswatch.engines.duckdb_engine import DuckDbEngine
    from focuswatch.errors import ConfigError
    from focuswatch.reports.findings_table import reads_ledger
    from focuswatch.reports.split_report import reads_callers, split_rows

    if reads_callers(report, opened.catalog):
        raise ConfigError(
            f"--by is not available for {report.id}: callers are not part of the charges that it groups. The report "
            "has a column team. Leave --by out."
        )
    if by is SplitBy.PROVIDER and reads_ledger(report):
        raise ConfigError(
            f"--by provider is not available for {report.id}, which reads findings. "
            "`focuswatch findings --format json` has the provider of each finding. Leave --by out."
        )
    bill = opened.bill
    if not isinstance(bill.engine, DuckDbEngine):
        raise ConfigError(
            "--by requires --engine duckdb. On other engines, each part of the report would read the whole bill. "
            "Leave --by out."
        )
    return split_rows(
        report,
        by=by.value,
        engine=bill.engine,
        catalog=opened.catalog,
        owners=opened.owners,
        as_of=bill.as_of,
    )


def _print(report: "Report", rows: "list[Row]", *, opened: "OpenedExport", format: ReportFormat) -> None:
    from focuswatch.bill.account_details import account_names
    from focuswatch.cli.output import machine_formats, report_tables
    from focuswatch.reports.run_report import report_columns

    bill = opened.bill
    match format:
        case ReportFormat.TABLE:
            names = account_names(bill.engine, (row.get("sub_account_id") for row in rows))
            report_tables.print_report(report, rows, currency=bill.summary.currency, names=names)
        case ReportFormat.JSON:
            typer.echo(machine_formats.rows_json(rows))
        case ReportFormat.CSV:
            columns = (
                list(rows[0])
                if rows
                else report_columns(report, engine=bill.engine, as_of=bill.as_of, owners=opened.owners)
            )
            typer.echo(machine_formats.rows_csv(rows, columns=columns), nl=False)
