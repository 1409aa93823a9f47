"""`focuswatch report`: run a report of the catalog on an export, and print it."""

from datetime import date
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import open_ledger_and_find_entry
from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions, takes
from focuswatch.cli.shared_option_types import MONTH, CostName, ReportFormat, SplitBy, parse_month

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from focuswatch.catalog.sql_catalog import Report
    from focuswatch.catalog.sql_header_models import CountedCharges
    from focuswatch.cli.open_given_or_last_scanned_export import OpenedExport
    from focuswatch.engines import Row
    from focuswatch.reports.run_report_with_other_cost_or_charge_kinds import Basis


@takes(BillOptions)
def report(
    name: Annotated[str, typer.Argument(help="Name of the report. `focuswatch list` shows all names.")],
    bill_options: BillOptions,
    by: Annotated[
        SplitBy | None,
        typer.Option(
            help="Run the report separately for each team, use case, intent or provider.", show_default=False
        ),
    ] = None,
    cost: Annotated[
        CostName | None,
        typer.Option(
            help="Cost column to sum: EffectiveCost or BilledCost. Valid only for reports that support both columns.",
            show_default=False,
        ),
    ] = None,
    charges: Annotated[
        str | None,
        typer.Option(
            help="Charges to include: one or more of usage, fees, credits and tax, separated by commas. Valid only "
            "for reports that support this option.",
            show_default=False,
        ),
    ] = None,
    month: Annotated[
        date | None,
        typer.Option(
            parser=parse_month,
            metavar=MONTH,
            help="Month for the report month_close. [default: the most recent invoiced month]",
            show_default=False,
        ),
    ] = None,
    format: Annotated[ReportFormat, typer.Option(help="Output format.")] = ReportFormat.TABLE,
) -> None:
    """Print a report.

    If you specify no export, the report uses the most recently scanned export and its files. The output
    states the cost column and the charges that the amounts include, and the options to change them.

    \b
    focuswatch report ai_spend
    focuswatch report portfolio --cost billed --charges usage,fees,credits
    focuswatch report weekly_deltas ./focus --format csv
    focuswatch report ai_spend_by_layer --by use_case
    focuswatch report ai_spend --by provider
    focuswatch report ai_spend hive.billing.export --engine trino --trino https://ana@trino.example.com/hive/focuswatch
    """
    from focuswatch.catalog.sql_catalog import Catalog
    from focuswatch.cli.open_given_or_last_scanned_export import open_export
    from focuswatch.errors import ConfigError
    from focuswatch.reports.run_report_with_other_cost_or_charge_kinds import basis_of, rows_with_basis

    selected = Catalog.load().report(name)
    basis = basis_of(selected, cost=cost.value if cost else None, charges=_kinds(charges))
    if selected.header.kind == "month_close":
        _close_month(selected, bill_options, by=by, month=month, format=format)
        return
    if month:
        raise ConfigError(
            f"--month is valid only for the report month_close, not for {selected.id}. Omit --month."
        )
    with open_export(bill_options) as opened:
        _load_findings(selected, opened=opened, bill_options=bill_options)
        part = partial(_split_rows, by=by) if by else _rows
        rows = rows_with_basis(part(selected, basis, opened=opened), basis, report=selected)
        _print(selected, rows, basis=basis, opened=opened, format=format)


def _close_month(
    report: "Report",
    bill_options: BillOptions,
    *,
    by: SplitBy | None,
    month: "date | None",
    format: ReportFormat,
) -> None:
    """Print the report `month_close`, which reads the ledger and the invoices in addition to the tables."""
    from focuswatch.cli.open_given_or_last_scanned_export import open_export
    from focuswatch.errors import ConfigError
    from focuswatch.reports.compare_month_with_its_forecasts import close_month
    from focuswatch.reports.month_close_model_with_report_rows_and_notes import IN_NOTES
    from focuswatch.reports.run_report_with_other_cost_or_charge_kinds import Basis

    if by:
        raise ConfigError(
            f"--by is not available for {report.id}, because this report already lists teams and use cases. "
            "Omit --by."
        )
    with (
        open_export(bill_options) as opened,
        open_ledger_and_find_entry.open_ledger(
            bill_options.ledger, export=opened.name, state=bill_options.state
        ) as ledger,
    ):
        close = close_month(
            opened.bill, ledger.entries().values(), catalog=opened.catalog, owners=opened.owners, month=month
        )
        rows = close.rows
        if format is ReportFormat.TABLE:
            rows = [{name: row[name] for name in row if name not in IN_NOTES} for row in rows]
        _print(report, rows, basis=Basis(), opened=opened, format=format, notes=close.notes)


def _kinds(charges: str | None) -> "list[CountedCharges] | None":
    """Return the kinds of charges in the value of --charges. Raises ConfigError for an unknown kind."""
    from focuswatch.catalog.sql_header_models import CHARGES
    from focuswatch.errors import ConfigError

    if charges is None:
        return None
    named = [word.strip() for word in charges.split(",") if word.strip()]
    if not named or set(named) - set(CHARGES):
        raise ConfigError(f"--charges {charges}: expected one or more of {', '.join(CHARGES)}.")
    return [kind for kind in CHARGES if kind in named]


def _load_findings(report: "Report", *, opened: "OpenedExport", bill_options: BillOptions) -> None:
    """Load the findings of the ledger into the bill, if the report reads findings."""
    from focuswatch.reports.known_findings_rows_from_ledger import findings_table_rows, reads_ledger

    if reads_ledger(report):
        with open_ledger_and_find_entry.open_ledger(
            bill_options.ledger, export=opened.name, state=bill_options.state
        ) as ledger:
            bill = opened.bill
            rows = findings_table_rows(ledger, engine=bill.engine, owners=opened.owners, as_of=bill.as_of)
            bill.load_known_findings(rows)


def _rows(report: "Report", basis: "Basis", *, opened: "OpenedExport") -> "list[Row]":
    from focuswatch.reports.query_report_rows import report_rows
    from focuswatch.reports.run_report_with_other_cost_or_charge_kinds import engine_with_basis

    bill, owners = opened.bill, opened.owners
    engine = engine_with_basis(
        bill.engine, basis, report=report, catalog=opened.catalog, owners=owners, as_of=bill.as_of
    )
    return report_rows(report, engine=engine, as_of=bill.as_of, owners=owners)


def _split_rows(report: "Report", basis: "Basis", *, by: SplitBy, opened: "OpenedExport") -> "list[Row]":
    from focuswatch.engines.duckdb_engine import DuckDbEngine
    from focuswatch.errors import ConfigError
    from focuswatch.reports.known_findings_rows_from_ledger import reads_ledger
    from focuswatch.reports.query_report_rows_per_group import split_rows, unsplittable

    if reason := unsplittable(report, opened.catalog):
        raise ConfigError(f"--by is not available for {report.id}: {reason} Omit --by.")
    if by is SplitBy.PROVIDER and reads_ledger(report):
        raise ConfigError(
            f"--by provider is not available for {report.id}, because this report reads findings, not charges. To see "
            "the provider of each finding, run `focuswatch findings --format json`. Omit --by."
        )
    bill = opened.bill
    if not isinstance(bill.engine, DuckDbEngine):
        raise ConfigError(
            "--by requires --engine duckdb. With other engines, the report would read the whole bill again for each "
            "team, use case, intent or provider. Omit --by."
        )
    return split_rows(
        report,
        by=by.value,
        engine=bill.engine,
        catalog=opened.catalog,
        owners=opened.owners,
        as_of=bill.as_of,
        basis=basis,
    )


def _missing_input(report: "Report", opened: "OpenedExport") -> "Iterator[str]":
    """Yield each missing input of a report without rows, with the command that provides this input."""
    from focuswatch.detect.assess_detections_and_reports_on_bill import assess_input
    from focuswatch.detect.missing_inputs_and_how_to_provide_them import bill_facts

    facts = bill_facts(opened.bill.engine, entries=[report], owners=opened.owners)
    assessed = assess_input(report, facts=facts, as_of=opened.bill.as_of, kind="report")
    for reason, fix in zip_longest(assessed.reasons, assessed.fixes, fillvalue=""):
        yield f"{reason[:1].upper()}{reason[1:]}. {fix}".strip()


def _print(
    report: "Report",
    rows: "list[Row]",
    *,
    basis: "Basis",
    opened: "OpenedExport",
    format: ReportFormat,
    notes: "Sequence[str]" = (),
) -> None:
    from focuswatch.bill.query_names_ous_and_tags_of_billed_accounts import account_names
    from focuswatch.cli.output import json_and_csv, report_tables
    from focuswatch.reports.query_report_rows import report_columns
    from focuswatch.reports.run_report_with_other_cost_or_charge_kinds import basis_text, offered_bases

    bill = opened.bill
    currency, text, others = bill.summary.currency, basis_text(report, basis), offered_bases(report)
    match format:
        case ReportFormat.TABLE:
            if not rows:
                notes = [*notes, *_missing_input(report, opened)]
            names = account_names(bill.engine, (row.get("sub_account_id") for row in rows))
            report_tables.print_report(
                report, rows, currency=currency, names=names, basis=text, notes=[others, *notes]
            )
        case ReportFormat.JSON:
            head: dict[str, object] = {
                "report": report.id,
                "title": report.header.title,
                "basis": text,
                "other_bases": others,
                "currency": currency,
                "as_of": bill.as_of,
                "notes": list(notes),
            }
            typer.echo(json_and_csv.report_json(rows, head=head))
        case ReportFormat.CSV:
            columns = (
                list(rows[0])
                if rows
                else report_columns(report, engine=bill.engine, as_of=bill.as_of, owners=opened.owners)
            )
            typer.echo(json_and_csv.rows_csv(rows, columns=columns), nl=False)
