"""Open a bill in a Trino table.

Rows of local files are copied to Trino for the duration of a scan: copy_activity_owners_and_other_files_to_trino.
"""

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial

from focuswatch.bill.aws_only_views_and_other_provider_warning import (
    IS_AWS,
    other_providers_warning,
    total_charges_by_provider,
)
from focuswatch.bill.bill_inputs_and_digest import BillInputs, digest_of_inputs
from focuswatch.bill.bill_protocol import KNOWN_FINDINGS_TABLE, Progress
from focuswatch.bill.bill_summary_with_days_currency_and_warnings import BillSummary
from focuswatch.bill.copy_activity_owners_and_other_files_to_trino import (
    input_tables,
    rows_of_files,
    select_table,
)
from focuswatch.bill.kept_forecast_record_and_merge import KEY as FORECASTS_KEY
from focuswatch.bill.kept_forecast_record_and_merge import TABLE as FORECASTS_TABLE
from focuswatch.bill.kept_forecast_record_and_merge import KeptForecast, first_kept_day
from focuswatch.bill.load_activity_accounts_and_other_files import FILE_TABLES
from focuswatch.bill.refresh import trino_refresh_statements
from focuswatch.bill.refresh.athena_and_trino_fold_and_kept_table_queries import invoiced, kept_table
from focuswatch.bill.refresh.trino_refresh import TrinoPeriod, TrinoTables
from focuswatch.bill.render_tables_not_stored_on_athena_and_trino import tables_as_of
from focuswatch.bill.resolve_as_of import resolve_as_of
from focuswatch.bill.schema.columns_of_all_tables import (
    DAILY_CHARGES,
    FORECASTS,
    KEPT_TABLES,
    KNOWN_FINDINGS,
)
from focuswatch.bill.schema.focus_columns_and_their_names_in_files import INVOICE
from focuswatch.bill.settling_days import settle_days
from focuswatch.bill.state_lock import locked
from focuswatch.bill.trino_temporary_tables import TemporaryTables
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.prepend_tables_as_ctes import with_tables
from focuswatch.engines.trino_create_and_insert_sql import (
    create_statement,
)
from focuswatch.engines.trino_engine import TrinoEngine, cancelled_with_the_command
from focuswatch.engines.values_as_sql_literals import literal
from focuswatch.errors import ConfigError
from focuswatch.owners.owners_file import Owners

TABLE_NAME = re.compile(r"\w+(\.\w+){0,2}")


@dataclass(frozen=True)
class TrinoBill:
    """A Bill on Trino; see focuswatch.bill.bill_protocol.Bill."""

    engine: TrinoEngine
    aws_engine: TrinoEngine
    summary: BillSummary
    as_of: date
    data_digest: str | None
    export: str
    temporary: TemporaryTables

    def delivered_charges(self, billing_period: date) -> str:
        """Return a SELECT over the export's table, which may lack InvoiceId; see Bill."""
        rows = self.engine.query(f"SHOW COLUMNS FROM {self.export}", label="columns of the export")
        has_invoices = any(str(row["Column"]).lower() == INVOICE.lower() for row in rows)
        delivered = trino_refresh_statements.delivered(self.export, billing_period)
        return invoiced(
            delivered, has_invoices=has_invoices, period_start=trino_refresh_statements.PERIOD_START
        )

    def load_known_findings(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Replace the table `known_findings` with rows that are part of each statement; see Bill."""
        for engine in (self.engine, self.aws_engine):
            engine.tables = {**engine.tables, KNOWN_FINDINGS_TABLE: select_table(KNOWN_FINDINGS, rows)}

    def kept_forecasts(self, month: date) -> list[KeptForecast]:
        """Return the forecasts of a month that are stored in the schema; see Bill."""
        if not self._keeps_forecasts():
            return []
        statement = f"SELECT {', '.join(FORECASTS)} FROM {FORECASTS_TABLE} WHERE month = {literal(month)}"
        rows = self.engine.query(statement, label=FORECASTS_TABLE)
        return [KeptForecast(**row) for row in rows]

    def keep_forecasts(self, rows: Sequence[KeptForecast]) -> None:
        """Add forecasts to the table `forecasts` of the schema, in one statement; see Bill.

        Stored rows take precedence. Old rows are deleted if the connector supports it.
        """
        if not self._keeps_forecasts():
            self.engine.execute(create_statement(FORECASTS_TABLE, FORECASTS), label=FORECASTS_TABLE)
        new = self.temporary.load("new_forecasts", FORECASTS, [row.values for row in rows])
        is_stored = " AND ".join(f"kept.{name} = new.{name}" for name in FORECASTS_KEY)
        self.engine.execute(
            f"INSERT INTO {FORECASTS_TABLE}\nSELECT {', '.join(FORECASTS)}\nFROM ({new}) AS new\n"
            f"WHERE NOT EXISTS (SELECT 1 FROM {FORECASTS_TABLE} AS kept WHERE {is_stored})",
            label=FORECASTS_TABLE,
        )
        self.temporary.trino.delete(
            FORECASTS_TABLE, f"made_on < {literal(first_kept_day(self.as_of))}", label=FORECASTS_TABLE
        )

    def _keeps_forecasts(self) -> bool:
        rows = self.engine.query(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema "
            f"AND table_name = {literal(FORECASTS_TABLE)}",
            label=FORECASTS_TABLE,
        )
        return bool(rows)


@contextmanager
def open_trino_bill(
    inputs: BillInputs, *, engine: TrinoEngine, catalog: Catalog, owners: Owners, progress: Progress
) -> Iterator[TrinoBill]:
    """Refresh and open the bill; `inputs.export` is the name of the export's table in Trino.

    Raises ExportError and ConfigError as open_local_bill does, and QueryError if a statement fails.
    """
    if not TABLE_NAME.fullmatch(inputs.export):
        raise ConfigError(f"{inputs.export}: expected a table name in the form CATALOG.SCHEMA.TABLE.")
    trino = TrinoTables(engine, inputs.export, catalog)
    temporary = TemporaryTables(trino, uuid.uuid4().hex[:12])
    with locked(inputs.state), closing(temporary), cancelled_with_the_command(engine):
        periods = trino.refresh(progress=progress)
        summary = _summarize(periods)
        as_of = resolve_as_of(inputs.as_of, summary=summary)
        progress(
            "Copying activity, accounts, recommendations, principals, invocations, events and owners from files to "
            "Trino"
        )
        existing = trino.tables()
        rows = rows_of_files(inputs, catalog=trino.catalog)
        given = input_tables(rows, existing, temporary=temporary, owners=owners)
        of_day = partial(tables_as_of, trino.catalog, as_of=as_of, names_resources=owners.names_resources)
        derived = of_day(settled_after=_settle_days(periods))
        engine.tables = _with_completeness({**given, **derived}, temporary=temporary)
        aws_engine = engine
        if summary.other_providers:  # AWS-only bills need no filter
            aws_tables = _aws_tables(trino, periods, temporary=temporary)
            aws_engine = engine.over(
                _with_completeness({**aws_tables, **given, **of_day()}, temporary=temporary)
            )
        digest = digest_of_inputs(summary, as_of=as_of, owners=owners, files=inputs.files)
        # Tables in the schema that focuswatch does not write can change at any time.
        is_known = all(rows[name] or name not in existing for name in FILE_TABLES)
        yield TrinoBill(
            engine, aws_engine, summary, as_of, digest if is_known else None, inputs.export, temporary
        )


def _with_completeness(tables: Mapping[str, str], *, temporary: TemporaryTables) -> dict[str, str]:
    """Return the tables, each after those it reads, with `completeness` materialized."""
    before = {name: select for name, select in tables.items() if name != "completeness"}
    select = with_tables(tables["completeness"], before)
    return {**tables, "completeness": temporary.materialize("completeness", select)}


def _aws_tables(
    trino: TrinoTables, periods: Sequence[TrinoPeriod], *, temporary: TemporaryTables
) -> dict[str, str]:
    """Return SELECTs of the stored tables with AWS charges only, by name."""
    parts = [period.part for period in periods]
    charges = f"{trino_refresh_statements.these_parts('daily_charges', DAILY_CHARGES, parts)} AND {IS_AWS}"
    tables = {"daily_charges": charges}
    for name in KEPT_TABLES:
        select = kept_table(trino.catalog, name, refreshed=f"FROM (\n{charges}\n) AS aws_charges")
        tables[name] = temporary.materialize(f"aws_{name}", select)
    return tables


def _settle_days(periods: Sequence[TrinoPeriod]) -> int:
    others = total_charges_by_provider(period.providers for period in periods)
    return settle_days(charges=sum(period.charges for period in periods), of_others=sum(others.values()))


def _summarize(periods: Sequence[TrinoPeriod]) -> BillSummary:
    charges = sum(period.charges for period in periods)
    priced = [period for period in periods if period.per_usd is not None]
    other_providers = other_providers_warning((period.providers for period in periods), charges=charges)
    return BillSummary(
        currency=periods[0].currency,
        first_charge_date=min(period.first_charge_date for period in periods),
        last_charge_date=max(period.last_charge_date for period in periods),
        charges=charges,
        data_digest=hashlib.sha256("\n".join(period.digest for period in periods).encode()).hexdigest(),
        warnings=(other_providers,) if other_providers else (),
        other_providers=other_providers,
        per_usd=priced[-1].per_usd if priced else None,  # the newest
    )
