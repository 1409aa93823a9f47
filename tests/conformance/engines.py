"""Both engines over the same bills, and every statement with its rows as they came.

Trino computes the catalog's tables itself, from what the bills give. Many bills lie in one schema, told apart by a
column, because making a table costs it more than filling it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from focuswatch.bill import local_tables
from focuswatch.bill.tables_computed_at_query import NOT_STORED
from focuswatch.catalog.sql_catalog import Catalog, Detection, Report
from focuswatch.detect.run_detection import Outcome, run_detection
from focuswatch.engines import Engine, Row
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.engines.local_rows_as_trino_sql import create_statement, insert_statements
from focuswatch.engines.prepend_tables_as_ctes import needed_of, with_tables
from tests.conformance.bills import INPUT_TABLES, Bill, put
from tests.fakes.local_trino import LocalTrino

# Made of each charge alone, so that one statement makes them for all bills: their SELECT * carries the bill along.
BY_CHARGE = ("daily_charges", "ai_charges", "ai_layer_charges")
AT_ONCE = 3  # bills whose tables one statement makes: Trino allows a statement 150 stages


@dataclass
class Recording:
    """An engine that records its results in order."""

    engine: Engine
    answers: list[list[Row]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The engine's own."""
        return self.engine.name

    @property
    def at_once(self) -> int:
        """The engine's own."""
        return self.engine.at_once

    def query(self, statement: str, *, label: str) -> list[Row]:
        """As Engine.query."""
        self.answers.append(self.engine.query(statement, label=label))
        return self.answers[-1]

    def columns(self, statement: str, *, label: str) -> dict[str, Any]:
        """As Engine.columns; what is kept are the rows."""
        result = self.engine.columns(statement, label=label)
        days = {name: column for name, column in result.items() if column.dtype.kind == "M"}
        plain = {**result, **{name: column.astype("datetime64[D]") for name, column in days.items()}}
        values = zip(*(column.tolist() for column in plain.values()), strict=True)
        rows = [dict(zip(result, row, strict=True)) for row in values]
        self.answers.append(sorted(rows, key=repr))  # a series promises no order
        return result

    def close(self) -> None:
        """The engine is another's."""


@dataclass(frozen=True)
class EntryResult:
    """All rows that one entry of the catalog brought, and what a detection made of them."""

    answers: list[list[Row]]
    outcome: Outcome | None = None


def run_entry(entry: Detection | Report, bill: Bill, *, engine: Engine, catalog: Catalog) -> EntryResult:
    """Return the result of a detection or report on an engine with the tables. Raises QueryError for a report."""
    recording = Recording(engine)
    if entry.id in catalog.detections:
        outcome = run_detection(
            catalog.detections[entry.id], engine=recording, catalog=catalog, inputs=bill.question
        )
        return EntryResult(recording.answers, outcome)
    recording.query(entry.render(bill.question.values), label=entry.id)
    return EntryResult(recording.answers)


def on_duckdb(bill: Bill, *, catalog: Catalog, connection: duckdb.DuckDBPyConnection) -> DuckDbEngine:
    """DuckDB with the bill's tables, and those that the catalog makes of them."""
    put(bill, connection=connection)
    local_tables.create_views(connection, catalog, values=bill.question.values)
    return DuckDbEngine(connection)


@dataclass
class OnTrino:
    """A schema of a Trino that holds many bills; `engine(number)` sees the tables of one."""

    trino: LocalTrino
    catalog: Catalog
    schema: str
    bills: Sequence[Bill]
    shapes: Mapping[str, Sequence[str]]  # of every table: its columns
    made: list[str] = field(default_factory=list)

    def load(self, *, for_entries: Sequence[Detection | Report] = (), every: int = 1) -> None:
        """Give Trino the bills, and have it make what `for_entries` read; all tables where none is named.

        Tables that a deployment does not store are made of each `every`th bill.
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
        everything = {name: self.catalog.tables[name].sql for name in local_tables.MADE}
        causes = self.catalog.lookups["cost_drivers"].sql  # what a series asks beside its own statement
        read = "\n".join([*(entry.sql for entry in for_entries), causes])
        needed = needed_of(read, everything) if for_entries else set(local_tables.MADE)
        for name in (one for one in local_tables.MADE if one in needed):
            self._make(name, numbers=range(0, len(self.bills), every if name in NOT_STORED else 1))

    def engine(self, number: int) -> Engine:
        """An engine over one bill."""
        return self.trino.engine(schema=self.schema, tables=self._tables(number))

    def rows(self, table: str, number: int) -> list[Row]:
        """A table of one bill as Trino made it."""
        return self.engine(number).query(f"SELECT * FROM {table}", label=table)

    def rows_by_bill(self, table: str) -> dict[int, list[Row]]:
        """Return a table of all bills as Trino made it, in one statement; bills without rows are left out."""
        statement = f"SELECT bill, {', '.join(self.shapes[table])} FROM {table}"
        by_bill: dict[int, list[Row]] = {}
        for row in self.trino.engine(schema=self.schema).query(statement, label=table):
            by_bill.setdefault(row.pop("bill"), []).append(row)
        return by_bill

    def drop(self) -> None:
        """Give the memory back."""
        engine = self.trino.engine()
        for name in (*INPUT_TABLES, *self.made):
            engine.execute(f"DROP TABLE {self.schema}.{name}", label=self.schema)
        engine.execute(f"DROP SCHEMA {self.schema}", label=self.schema)

    def _tables(self, number: int, *, of: str | None = None) -> dict[str, str]:
        return {
            name: f"SELECT {', '.join(self.shapes[name])} FROM memory.{self.schema}.{name} WHERE bill = {number}"
            for name in (*INPUT_TABLES, *self.made)
            if name != of
        }

    def _make(self, name: str, *, numbers: Sequence[int]) -> None:
        engine = self.trino.engine(schema=self.schema)
        self.made.append(name)
        if name in BY_CHARGE:
            engine.execute(
                f"CREATE TABLE {name} AS\n{self.catalog.tables[name].render({})}",
                label=f"{self.schema}: {name}",
            )
            return
        for first in range(0, len(numbers), AT_ONCE):
            each = "\nUNION ALL\n".join(
                self._made(name, number) for number in numbers[first : first + AT_ONCE]
            )
            verb = f"INSERT INTO {name}\n" if first else f"CREATE TABLE {name} AS\n"
            engine.execute(verb + each, label=f"{self.schema}: {name}")

    def _made(self, name: str, number: int) -> str:
        rendered = self.catalog.tables[name].render(self.bills[number].question.values)
        columns = ", ".join(self.shapes[name])
        statements = with_tables(rendered, self._tables(number, of=name))
        return f"SELECT {number} AS bill, {columns} FROM (\n{statements}\n) AS made"


def shapes_of(catalog: Catalog, *, connection: duckdb.DuckDBPyConnection, bill: Bill) -> dict[str, list[str]]:
    """The columns of every table."""
    on_duckdb(bill, catalog=catalog, connection=connection)
    return {
        name: [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
        for name in (*INPUT_TABLES, *local_tables.MADE)
    }
