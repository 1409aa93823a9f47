"""A bill in a Trino table. Rows of local files are copied to Trino for the duration of a scan."""

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date

from focuswatch.bill import local_tables
from focuswatch.bill.bill import (
    KNOWN_FINDINGS_TABLE,
    BillInputs,
    BillSummary,
    Progress,
    digest_of_inputs,
    resolve_as_of,
)
from focuswatch.bill.refresh.refresh_selects import tables_as_of
from focuswatch.bill.refresh.trino_refresh import TrinoPeriod, TrinoTables
from focuswatch.bill.schema.table_columns import (
    ACCOUNTS,
    ACTIVITY,
    KNOWN_FINDINGS,
    OWNERS,
    PRINCIPAL_CHARGES,
)
from focuswatch.bill.state_lock import locked
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_engine import connect
from focuswatch.engines.inline_rows import create_statement, insert_statements, select_rows, trino_type
from focuswatch.engines.trino_engine import TrinoEngine, cancelled_with_the_command
from focuswatch.errors import ConfigError
from focuswatch.owners.owners_file import Owners

TABLE_NAME = re.compile(r"\w+(\.\w+){0,2}")
FILE_TABLES = {"activity": ACTIVITY, "accounts": ACCOUNTS, "principal_charges": PRINCIPAL_CHARGES}


@dataclass(frozen=True)
class TrinoBill:
    """A Bill on Trino; see focuswatch.bill.bill.Bill."""

    engine: TrinoEngine
    summary: BillSummary
    as_of: date
    data_digest: str | None

    @property
    def aws_engine(self) -> TrinoEngine:
        """The same engine: the table of the export has AWS charges only."""
        return self.engine

    def load_known_findings(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Replace the table `known_findings` by rows that each statement carries along; see Bill."""
        self.engine.tables = {**self.engine.tables, KNOWN_FINDINGS_TABLE: _select(KNOWN_FINDINGS, rows)}


@dataclass(frozen=True)
class TemporaryTables:
    """Tables of one scan, under unique names; `close` drops them."""

    trino: TrinoTables
    run: str
    created: list[str] = field(default_factory=list)

    def load(self, name: str, shape: Mapping[str, str], rows: list[tuple[object, ...]]) -> str:
        """Create a table of these rows and return a SELECT of them."""
        table = self._new_name(name)
        self.trino.engine.execute(create_statement(table, shape), label=name)
        for statement in insert_statements(table, shape, rows):
            self.trino.engine.execute(statement, label=name)
        return f"SELECT {', '.join(shape)} FROM {table}"

    def materialize(self, name: str, select: str) -> str:
        """Create a table of the result of `select` and return a SELECT of it.

        Trino would evaluate a common table expression at every mention.
        """
        table = self._new_name(name)
        self.trino.engine.execute(f"CREATE TABLE {table} AS\n{select}", label=name)
        return f"SELECT * FROM {table}"

    def close(self) -> None:
        """Drop all tables."""
        for table in self.created:
            self.trino.engine.execute(f"DROP TABLE IF EXISTS {table}", label=table)

    def _new_name(self, name: str) -> str:
        self.created.append(f"{name}__{self.run}")
        return self.created[-1]


@contextmanager
def open_trino_bill(
    inputs: BillInputs, *, engine: TrinoEngine, catalog: Catalog, owners: Owners, progress: Progress
) -> Iterator[TrinoBill]:
    """Refresh and open the bill; `inputs.export` is the name of the export's table on the Trino.

    Raises ExportError and ConfigError as open_local_bill does, and QueryError if a statement fails.
    """
    if not TABLE_NAME.fullmatch(inputs.export):
        raise ConfigError(f"{inputs.export}: expected the name of a table, CATALOG.SCHEMA.TABLE.")
    trino = TrinoTables(engine, inputs.export, catalog)
    temporary = TemporaryTables(trino, uuid.uuid4().hex[:12])
    with locked(inputs.state), closing(temporary), cancelled_with_the_command(engine):
        summary = _summarize(trino.refresh(progress=progress))
        as_of = resolve_as_of(inputs.as_of, summary=summary)
        progress("Copying activity, accounts, principals and owners to Trino")
        existing = trino.tables()
        rows = _rows_of_files(inputs, catalog=catalog)
        engine.tables = _tables(rows, existing, as_of=as_of, trino=trino, temporary=temporary, owners=owners)
        digest = digest_of_inputs(
            summary, as_of=as_of, owners=owners, files=(inputs.activity, inputs.accounts, inputs.principals)
        )
        # Tables that someone else writes to the schema can change without notice.
        is_known = all(rows[name] or name not in existing for name in FILE_TABLES)
        yield TrinoBill(engine, summary, as_of, data_digest=digest if is_known else None)


def _rows_of_files(inputs: BillInputs, *, catalog: Catalog) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of the activity, accounts and principals files by table; none where no file is given."""
    connection = connect()
    try:
        local_tables.load_file(connection, "activity", ACTIVITY, inputs.activity)
        local_tables.load_accounts(connection, inputs.accounts)
        local_tables.load_principals(connection, inputs.principals, catalog=catalog)
        return {
            name: connection.execute(f"SELECT {', '.join(shape)} FROM {name}").fetchall()
            for name, shape in FILE_TABLES.items()
        }
    finally:
        connection.close()


def _tables(
    rows: Mapping[str, list[tuple[object, ...]]],
    existing: set[str],
    *,
    as_of: date,
    trino: TrinoTables,
    temporary: TemporaryTables,
    owners: Owners,
) -> dict[str, str]:
    """Return SELECTs of the tables that are not views of the schema, by name, each after the tables it reads."""
    tables = {}
    for name, shape in FILE_TABLES.items():
        if rows[name]:
            tables[name] = temporary.load(name, shape, rows[name])
        elif name not in existing:  # otherwise the table of the schema is read
            tables[name] = _select(shape, ())
    for name, shape in OWNERS.items():
        tables[name] = _select(shape, owners.tables[name])
    tables[KNOWN_FINDINGS_TABLE] = _select(KNOWN_FINDINGS, ())
    tables |= tables_as_of(trino.catalog, as_of=as_of, names_resources=owners.names_resources)
    tables["completeness"] = temporary.materialize("completeness", tables["completeness"])
    return tables


def _select(shape: Mapping[str, str], rows: Sequence[tuple[object, ...]]) -> str:
    if rows:
        return select_rows(shape, rows)
    nulls = ", ".join(f"CAST(NULL AS {trino_type(type_)}) AS {name}" for name, type_ in shape.items())
    return f"SELECT {nulls} WHERE false"


def _summarize(periods: Sequence[TrinoPeriod]) -> BillSummary:
    return BillSummary(
        currency=periods[0].currency,
        first_charge_date=min(period.first_charge_date for period in periods),
        last_charge_date=max(period.last_charge_date for period in periods),
        charges=sum(period.charges for period in periods),
        data_digest=hashlib.sha256("\n".join(period.digest for period in periods).encode()).hexdigest(),
    )
