"""Open a bill with DuckDB: refresh it from FOCUS files on this machine or on S3, and load the files passed with it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb

from focuswatch.bill import (
    create_owner_and_computed_local_tables,
    kept_forecasts_csv,
    load_activity_accounts_and_other_files,
)
from focuswatch.bill.aws_only_views_and_other_provider_warning import create_aws_only_views
from focuswatch.bill.bill_inputs_and_digest import BillInputs, digest_of_inputs, export_label
from focuswatch.bill.bill_protocol import KNOWN_FINDINGS_TABLE, Bill, Progress
from focuswatch.bill.bill_summary_with_days_currency_and_warnings import BillSummary
from focuswatch.bill.kept_forecast_record_and_merge import KeptForecast
from focuswatch.bill.refresh.local_refresh import refresh, unreadable_view_error
from focuswatch.bill.refresh.select_delivered_charges_with_invoices_or_hours import DeliveredExport
from focuswatch.bill.resolve_as_of import resolve_as_of
from focuswatch.bill.schema import columns_of_all_tables
from focuswatch.bill.schema.columns_of_all_tables import KEPT_TABLES, KNOWN_FINDINGS
from focuswatch.bill.settling_days import AWS_DAYS, aws_settle_days, settle_days
from focuswatch.bill.state_lock import locked
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import connect, create_empty_table, create_table
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.engines.values_as_sql_literals import Value
from focuswatch.owners.owners_file import Owners


@dataclass(frozen=True)
class LocalBill:
    """A Bill on DuckDB; see focuswatch.bill.bill_protocol.Bill."""

    engine: DuckDbEngine
    aws_engine: DuckDbEngine
    summary: BillSummary
    as_of: date
    data_digest: str
    export: DeliveredExport
    state: Path

    def delivered_charges(self, billing_period: date) -> str:
        """Return a SELECT over the delivered files; see Bill."""
        return self.export.charges(billing_period)

    def load_known_findings(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Replace the table `known_findings`; see Bill."""
        create_table(self.engine.connection, KNOWN_FINDINGS_TABLE, KNOWN_FINDINGS, rows)

    def kept_forecasts(self, month: date) -> list[KeptForecast]:
        """Return the stored forecasts of a month; see Bill."""
        return kept_forecasts_csv.forecasts_of_month(self.state, month)

    def keep_forecasts(self, rows: Sequence[KeptForecast]) -> None:
        """Add forecasts to the file in the export's state folder; see Bill."""
        kept_forecasts_csv.add_forecasts(self.state, rows, made_on=self.as_of)


def export_with_hours(bill: Bill) -> DeliveredExport | None:
    """Return the export of a local bill, whose hourly charges can be read again; None for other kinds of bills."""
    return bill.export if isinstance(bill, LocalBill) else None


@contextmanager
def open_local_bill(
    inputs: BillInputs, *, catalog: Catalog, owners: Owners, progress: Progress
) -> Iterator[LocalBill]:
    """Refresh and open the bill; no other process can open it until the block ends.

    Raises ExportError for errors in the export's files, and ConfigError for errors in other files, or if another scan
    has locked the state folder.
    """
    with locked(inputs.state):
        connection = connect(scratch=inputs.state / "scratch")
        aws_connection = connection
        try:
            refreshed = refresh(
                inputs.export,
                connection=connection,
                catalog=catalog,
                state=inputs.state,
                progress=progress,
                rates=owners.exchange_rates,
            )
            summary = replace(refreshed.summary, name=export_label(inputs.export))
            as_of = resolve_as_of(inputs.as_of, summary=summary)
            progress(
                "Reading activity, accounts, recommendations, principals, invocations, events and owners from files"
            )
            kept = {name: f"kept_{name}" for name in KEPT_TABLES}
            days = settle_days(
                charges=summary.charges,
                of_others=sum(refreshed.others.values()),
                complete_until=refreshed.complete_until,
                as_of=as_of,
            )
            engine = aws_engine = load_tables(
                connection, inputs, as_of=as_of, catalog=catalog, owners=owners, kept=kept, settled_after=days
            )
            if summary.other_providers:  # separate, so that AWS-only bills need no filter
                aws_connection = connect(scratch=inputs.state / "scratch-aws")
                create_aws_only_views(aws_connection, of=connection)
                deliveries = connection.execute("SELECT * FROM deliveries").fetchall()
                create_table(aws_connection, "deliveries", columns_of_all_tables.DELIVERIES, deliveries)
                aws_engine = load_tables(
                    aws_connection,
                    inputs,
                    as_of=as_of,
                    catalog=catalog,
                    owners=owners,
                    kept=kept,
                    settled_after=aws_settle_days(complete_until=refreshed.complete_until, as_of=as_of),
                )
            yield LocalBill(
                engine,
                aws_engine,
                summary,
                as_of,
                data_digest=digest_of_inputs(summary, as_of=as_of, owners=owners, files=inputs.files),
                export=refreshed.export,
                state=inputs.state,
            )
        finally:
            aws_connection.close()
            connection.close()


def load_tables(
    connection: duckdb.DuckDBPyConnection,
    inputs: BillInputs,
    *,
    as_of: date,
    catalog: Catalog,
    owners: Owners,
    kept: Mapping[str, str],
    settled_after: int = AWS_DAYS,
) -> DuckDbEngine:
    """Return an engine with all tables over `folded_charges` and `deliveries`; `kept` is as in create_views.

    Charges no longer change `settled_after` days after their charge date. Raises ConfigError and ExportError.
    """
    load_activity_accounts_and_other_files.load_files(connection, inputs, catalog=catalog)
    create_owner_and_computed_local_tables.load_owners(connection, owners.tables)
    create_empty_table(connection, KNOWN_FINDINGS_TABLE, KNOWN_FINDINGS)  # see Bill.load_known_findings
    values: dict[str, Value] = {
        "as_of": as_of,
        "names_resources": owners.names_resources,
        "settle_days": settled_after,
    }
    try:
        views = create_owner_and_computed_local_tables.create_views_on_demand(
            connection, catalog, values=values, kept=kept
        )
    except duckdb.Error as error:
        raise unreadable_view_error(error, state=inputs.state) from error
    return DuckDbEngine(connection, views=views)
