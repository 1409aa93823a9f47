"""Run entries of the catalog on DuckDB and on Trino over the same bills, and record the rows of every statement.

Trino computes the catalog's tables itself from the input tables of the bills. Many bills share one schema and are
distinguished by a column, because creating a table takes Trino longer than inserting its rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from focuswatch.bill import create_owner_and_computed_local_tables
from focuswatch.bill.render_tables_not_stored_on_athena_and_trino import NOT_STORED
from focuswatch.bill.schema.columns_of_all_tables import COMPUTED_TABLES
from focuswatch.catalog.sql_catalog import Catalog, Detection, Report
from focuswatch.detect.run_detection_and_check_rows import Outcome, run_detection
from focuswatch.engines import Engine, Row
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.engines.find_tables_read_by_sql import tables_read_by
from focuswatch.engines.prepend_tables_as_ctes import with_tables
from focuswatch.engines.trino_create_and_insert_sql import create_statement, insert_statements
from tests.conformance.bills import INPUT_TABLES, Bill, load_bill
from tests.fakes.local_trino import LocalTrino

# Tables whose rows are computed from one charge each. One statement creates them for all bills, because their SELECT *
# includes the column `bill`.
BY_CHARGE = ("daily_charges", "ai_charges", "ai_layer_charges")
# Bills whose tables one statement computes; Trino allows 150 stages in a statement.
BILLS_PER_STATEMENT = 3


@dataclass
class Recording:
    """An engine that records its results in order."""

    engine: Engine
    results: list[list[Row]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the name of the engine."""
        return self.engine.name

    @property
    def at_once(self) -> int:
        """Return how many statements the engine runs concurrently."""
        return self.engine.at_once

    def query(self, statement: str, *, label: str) -> list[Row]:
        """Run Engine.query and record the rows."""
        self.results.append(self.engine.query(statement, label=label))
        return self.results[-1]

    def columns(self, statement: str, *, label: str) -> dict[str, Any]:
        """Run Engine.columns and record its columns as rows."""
        result = self.engine.columns(statement, label=label)
        days = {name: column for name, column in result.items() if column.dtype.kind == "M"}
        plain = {**result, **{name: column.astype("datetime64[D]") for name, column in days.items()}}
        values = zip(*(column.tolist() for column in plain.values()), strict=True)
        rows = [dict(zip(result, row, strict=True)) for row in values]
        self.results.append(sorted(rows, key=repr))  # rows of a series have no defined order
        return result

    def close(self) -> None:
        """Do nothing: the caller closes the engine."""


@dataclass(frozen=True)
class EntryResult:
    """The rows of each statement of a catalog entry, and the outcome if the entry is a detection."""

    results: list[list[Row]]
    outcome: Outcome | None = None


def run_entry(entry: Detection | Report, bill: Bill, *, engine: Engine, catalog: Catalog) -> EntryResult:
    """Return the result of a detection or report on an engine with the tables. Raises QueryError for a report."""
    recording = Recording(engine)
    if entry.id in catalog.detections:
        outcome = run_detection(
            catalog.detections[entry.id], engine=recording, catalog=catalog, inputs=bill.question
        )
        return EntryResult(recording.results, outcome)
    recording.query(entry.render(bill.question.values), label=entry.id)
    return EntryResult(recording.results)


def on_duckdb(bill: Bill, *, catalog: Catalog, connection: duckdb.DuckDBPyConnection) -> DuckDbEngine:
    """Return DuckDB with the bill's input tables and the catalog's tables that are computed from them."""
    load_bill(bill, connection=connection)
    create_owner_and_computed_local_tables.create_views(connection, catalog, values=bill.question.values)
    return DuckDbEngine(connection)


@dataclass
class OnTrino:
    """A Trino schema that contains many bills; `engine(number)` reads the tables of one bill."""

    trino: LocalTrino
    catalog: Catalog
    schema: str
    bills: Sequence[Bill]
    shapes: Mapping[str, Sequence[str]]  # columns by table
    created: list[str] = field(default_factory=list)

    def load(self, *, for_entries: Sequence[Detection | Report] = (), every: int = 1) -> None:
        """Load the bills, and let Trino compute the tables that `for_entries` read; without entries, all tables.

        Tables that a deployment does not store are computed for each `every`th bill only.
        """
        engine = self.trino.engine()
        engine.execute(f"CREATE SCHEMA memory.{self.schema}", label=self.schema)
        for name, shape in INPUT_TABLES.items():
            numbered = {"bill": "BIGINT", **shape}
            rows = [
                (number, *row) for number, bill in enumerate(self.bills) for row in bill.rows.get(name, [])
            ]
            engine.execute(create_statement(f"{self.schema}.{name}", numbered), label=self.schema)
            for statement in insert_statements(f"{self.schema}.{name}", numbered, rows):
                engine.execute(statement, label=self.schema)
        everything = {name: self.catalog.tables[name].sql for name in COMPUTED_TABLES}
        causes = self.catalog.lookups["cost_drivers"].sql  # a detection of a series runs it too
        read = "\n".join([*(entry.sql for entry in for_entries), causes])
        needed = tables_read_by(read, everything) if for_entries else set(COMPUTED_TABLES)
        for name in (one for one in COMPUTED_TABLES if one in needed):
            self._create(name, numbers=range(0, len(self.bills), every if name in NOT_STORED else 1))

    def engine(self, number: int) -> Engine:
        """Return an engine that reads one bill."""
        return self.trino.engine(schema=self.schema, tables=self._tables(number))

    def rows(self, table: str, number: int) -> list[Row]:
        """Return the rows of a bill's table, as Trino computed them."""
        return self.engine(number).query(f"SELECT * FROM {table}", label=table)

    def rows_by_bill(self, table: str) -> dict[int, list[Row]]:
        """Return the rows of a table by bill, as Trino computed them; bills without rows are left out."""
        statement = f"SELECT bill, {', '.join(self.shapes[table])} FROM {table}"
        by_bill: dict[int, list[Row]] = {}
        for row in self.trino.engine(schema=self.schema).query(statement, label=table):
            by_bill.setdefault(row.pop("bill"), []).append(row)
        return by_bill

    def drop(self) -> None:
        """Drop the schema, to free its memory."""
        engine = self.trino.engine()
        for name in (*INPUT_TABLES, *self.created):
            engine.execute(f"DROP TABLE {self.schema}.{name}", label=self.schema)
        engine.execute(f"DROP SCHEMA {self.schema}", label=self.schema)

    def _tables(self, number: int, *, without: str | None = None) -> dict[str, str]:
        return {
            name: f"SELECT {', '.join(self.shapes[name])} FROM memory.{self.schema}.{name} WHERE bill = {number}"
            for name in (*INPUT_TABLES, *self.created)
            if name != without
        }

    def _create(self, name: str, *, numbers: Sequence[int]) -> None:
        engine = self.trino.engine(schema=self.schema)
        self.created.append(name)
        if name in BY_CHARGE:
            engine.execute(
                f"CREATE TABLE {name} AS\n{self.catalog.tables[name].render({})}",
                label=f"{self.schema}: {name}",
            )
            return
        for first in range(0, len(numbers), BILLS_PER_STATEMENT):
            each = "\nUNION ALL\n".join(
                self._select_for_bill(name, number) for number in numbers[first : first + BILLS_PER_STATEMENT]
            )
            verb = f"INSERT INTO {name}\n" if first else f"CREATE TABLE {name} AS\n"
            engine.execute(verb + each, label=f"{self.schema}: {name}")

    def _select_for_bill(self, name: str, number: int) -> str:
        rendered = self.catalog.tables[name].render(self.bills[number].question.values)
        columns = ", ".join(self.shapes[name])
        statements = with_tables(rendered, self._tables(number, without=name))
        return f"SELECT {number} AS bill, {columns} FROM (\n{statements}\n) AS computed"


def shapes_of(catalog: Catalog, *, connection: duckdb.DuckDBPyConnection, bill: Bill) -> dict[str, list[str]]:
    """Return the columns of every table."""
    on_duckdb(bill, catalog=catalog, connection=connection)
    return {
        name: [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
        for name in (*INPUT_TABLES, *COMPUTED_TABLES)
    }
