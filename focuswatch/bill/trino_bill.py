"""Open a bill in a Trino table. Rows of local files are copied to Trino for the duration of a scan."""

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial

from focuswatch.bill import local_tables
from focuswatch.bill.aws_only_charges import IS_AWS, counts_of, sentence
from focuswatch.bill.bill_input_files import BillInputs, digest_of_inputs
from focuswatch.bill.bill_protocol import KNOWN_FINDINGS_TABLE, Progress
from focuswatch.bill.bill_summary import BillSummary, resolve_as_of
from focuswatch.bill.kept_forecasts import TABLE as FORECASTS_TABLE
from focuswatch.bill.kept_forecasts import KeptForecast
from focuswatch.bill.refresh import trino_statements
from focuswatch.bill.refresh.fold_statements import invoiced, kept_table
from focuswatch.bill.refresh.trino_refresh import TrinoPeriod, TrinoTables
from focuswatch.bill.schema.focus_column_expressions import INVOICE
from focuswatch.bill.schema.table_columns import (
    ACCOUNT_HISTORY,
    ACCOUNTS,
    ACTIVITY,
    AI_LINKS,
    DAILY_CHARGES,
    EVENTS,
    FORECASTS,
    INVOCATION_TOKENS,
    KEPT_TABLES,
    KNOWN_FINDINGS,
    OWNERS,
    PRINCIPAL_CHARGES,
    RECOMMENDATIONS,
    TOKEN_HOURS,
)
from focuswatch.bill.settling_days import settle_days
from focuswatch.bill.state_lock import locked
from focuswatch.bill.tables_computed_at_query import tables_as_of
from focuswatch.bill.trino_temporary_tables import TemporaryTables
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_engine import connect
from focuswatch.engines.local_rows_as_trino_sql import (
    create_statement,
    insert_statements,
    select_rows,
    trino_type,
)
from focuswatch.engines.prepend_tables_as_ctes import with_tables
from focuswatch.engines.sql_values import literal
from focuswatch.engines.trino_engine import TrinoEngine, cancelled_with_the_command
from focuswatch.errors import ConfigError
from focuswatch.owners.owners_file_and_assignment import Owners

TABLE_NAME = re.compile(r"\w+(\.\w+){0,2}")
FILE_TABLES = {
    "activity": ACTIVITY,
    "accounts": ACCOUNTS,
    "account_history": ACCOUNT_HISTORY,
    "events": EVENTS,
    "ai_links": AI_LINKS,
    "recommendations": RECOMMENDATIONS,
    "principal_charges": PRINCIPAL_CHARGES,
    "invocation_tokens": INVOCATION_TOKENS,
    "token_hours": TOKEN_HOURS,
}


@dataclass(frozen=True)
class TrinoBill:
    """A Bill on Trino; see focuswatch.bill.bill_protocol.Bill."""

    engine: TrinoEngine
    aws_engine: TrinoEngine
    summary: BillSummary
    as_of: date
    data_digest: str | None
    export: str

    def delivered_charges(self, billing_period: date) -> str:
        """Return a SELECT over the export's table, which may lack InvoiceId; see Bill."""
        rows = self.engine.query(f"SHOW COLUMNS FROM {self.export}", label="columns of the export")
        has_invoices = any(str(row["Column"]).lower() == INVOICE.lower() for row in rows)
        delivered = trino_statements.delivered(self.export, billing_period)
        return invoiced(delivered, has_invoices=has_invoices)

    def load_known_findings(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Replace the table `known_findings` with rows that are part of each statement; see Bill."""
        for engine in (self.engine, self.aws_engine):
            engine.tables = {**engine.tables, KNOWN_FINDINGS_TABLE: _select(KNOWN_FINDINGS, rows)}

    def kept_forecasts(self, month: date) -> list[KeptForecast]:
        """Return the forecasts of a month that are stored in the schema; see Bill."""
        if not self._keeps_forecasts():
            return []
        statement = f"SELECT {', '.join(FORECASTS)} FROM {FORECASTS_TABLE} WHERE month = {literal(month)}"
        rows = self.engine.query(statement, label=FORECASTS_TABLE)
        return [KeptForecast(**row) for row in rows]

    def keep_forecasts(self, rows: Sequence[KeptForecast]) -> None:
        """Add forecasts to the table `forecasts` of the schema; see Bill."""
        if not self._keeps_forecasts():
            self.engine.execute(create_statement(FORECASTS_TABLE, FORECASTS), label=FORECASTS_TABLE)
        for statement in insert_statements(FORECASTS_TABLE, FORECASTS, [row.values for row in rows]):
            self.engine.execute(statement, label=FORECASTS_TABLE)

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
        rows = _rows_of_files(inputs, catalog=trino.catalog)
        given = _given_tables(rows, existing, temporary=temporary, owners=owners)
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
        yield TrinoBill(engine, aws_engine, summary, as_of, digest if is_known else None, inputs.export)


def _rows_of_files(inputs: BillInputs, *, catalog: Catalog) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of the passed files by table; empty if no file is passed."""
    connection = connect()
    try:
        local_tables.load_file(connection, "activity", ACTIVITY, inputs.activity)
        local_tables.load_accounts(connection, inputs.accounts)
        local_tables.load_events(connection, inputs.events)
        local_tables.load_file(connection, "ai_links", AI_LINKS, inputs.links)
        local_tables.load_file(connection, "recommendations", RECOMMENDATIONS, inputs.recommendations)
        local_tables.load_principals(connection, inputs.principals, catalog=catalog)
        local_tables.load_file(connection, "invocation_tokens", INVOCATION_TOKENS, inputs.invocations)
        local_tables.load_file(connection, "token_hours", TOKEN_HOURS, inputs.token_hours)
        return {
            name: connection.execute(f"SELECT {', '.join(shape)} FROM {name}").fetchall()
            for name, shape in FILE_TABLES.items()
        }
    finally:
        connection.close()


def _given_tables(
    rows: Mapping[str, list[tuple[object, ...]]],
    existing: set[str],
    *,
    temporary: TemporaryTables,
    owners: Owners,
) -> dict[str, str]:
    """Return SELECTs of the tables of files, owners and findings, by name."""
    tables = {}
    for name, shape in FILE_TABLES.items():
        if rows[name]:
            tables[name] = temporary.load(name, shape, rows[name])
        elif name not in existing:  # otherwise the existing table in the schema is read
            tables[name] = _select(shape, ())
    for name, shape in OWNERS.items():
        tables[name] = _select(shape, owners.tables[name])
    tables[KNOWN_FINDINGS_TABLE] = _select(KNOWN_FINDINGS, ())
    return tables


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
    charges = f"{trino_statements.these_parts('daily_charges', DAILY_CHARGES, parts)} AND {IS_AWS}"
    tables = {"daily_charges": charges}
    for name in KEPT_TABLES:
        select = kept_table(trino.catalog, name, refreshed=f"FROM (\n{charges}\n) AS aws_charges")
        tables[name] = temporary.materialize(f"aws_{name}", select)
    return tables


def _settle_days(periods: Sequence[TrinoPeriod]) -> int:
    others = counts_of(period.providers for period in periods)
    return settle_days(charges=sum(period.charges for period in periods), of_others=sum(others.values()))


def _select(shape: Mapping[str, str], rows: Sequence[tuple[object, ...]]) -> str:
    if rows:
        return select_rows(shape, rows)
    nulls = ", ".join(f"CAST(NULL AS {trino_type(type_)}) AS {name}" for name, type_ in shape.items())
    return f"SELECT {nulls} WHERE false"


def _summarize(periods: Sequence[TrinoPeriod]) -> BillSummary:
    charges = sum(period.charges for period in periods)
    priced = [period for period in periods if period.per_usd is not None]
    other_providers = sentence((period.providers for period in periods), charges=charges)
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
