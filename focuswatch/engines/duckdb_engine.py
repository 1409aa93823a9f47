"""Run SQL in DuckDB, in this process, with macros for Trino functions that DuckDB lacks or defines differently.

`focuswatch.bill` creates the tables from files, `focuswatch.authoring.detection_cases` from the charges of a test case.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from focuswatch.engines.engine_protocol import Row
from focuswatch.engines.materialize_shared_views import SharedViews
from focuswatch.engines.prepend_tables_as_ctes import with_tables
from focuswatch.engines.quoted_names import quoted
from focuswatch.engines.sql_values import literal
from focuswatch.errors import QueryError

if TYPE_CHECKING:
    import numpy as np

MEMORY_LIMIT = "2500MB"  # limit of DuckDB; with Python and file buffers, a scan stays under 4 GB

# Trino functions that DuckDB lacks or defines differently. Each was also run on Trino 435: docs/portable-sql.md.
MACROS = (
    "element_at(m, k) AS m[k]",
    "regexp_like(s, p) AS regexp_matches(s, p)",
    "regexp_replace(s, p, r) AS system.main.regexp_replace(s, p, r, 'g')",
    "regexp_extract(s, p) AS nullif(system.main.regexp_extract(s, p), ''), "
    "(s, p, g) AS nullif(system.main.regexp_extract(s, p, g), '')",
    "split_part(s, d, i) AS nullif(system.main.split_part(s, d, i), '')",
    "greatest(a, b) AS CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE system.main.greatest(a, b) END",
    "least(a, b) AS CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE system.main.least(a, b) END",
    "day_of_week(d) AS isodow(d)",
    "array_join(a, s) AS array_to_string(a, s)",
    "bitwise_or_agg(x) AS bit_or(x)",
    "bit_count(x, bits) AS system.main.bit_count(x)",
)


def connect(*, scratch: Path | None = None, memory_limit: str = MEMORY_LIMIT) -> duckdb.DuckDBPyConnection:
    """Return a connection for the common SQL, with a memory limit beyond which it spills to `scratch`."""
    connection = duckdb.connect()
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET parquet_metadata_cache = true")
    connection.execute(f"SET memory_limit = {literal(memory_limit)}")
    if scratch is not None:
        connection.execute(f"SET temp_directory = {literal(str(scratch))}")
    connection.execute("; ".join(f"CREATE MACRO {macro}" for macro in MACROS))
    return connection


def create_empty_table(connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str]) -> None:
    """Create an empty table with these columns, replacing any table of that name."""
    body = ", ".join(f"{quoted(column)} {type_}" for column, type_ in columns.items())
    connection.execute(f"CREATE OR REPLACE TABLE {name} ({body})")


def create_table(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    columns: Mapping[str, str],
    rows: Sequence[tuple[object, ...]],
) -> None:
    """Create a table with these columns and rows, replacing any table of that name."""
    create_empty_table(connection, name, columns)
    if rows:  # by column in one statement, because executemany takes DuckDB 1 ms per row
        arrays = ", ".join(f"unnest(CAST(? AS {type_}[]))" for type_ in columns.values())
        connection.execute(
            f"INSERT INTO {name} SELECT {arrays}", [list(values) for values in zip(*rows, strict=True)]
        )


@contextmanager
def _naming(label: str) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        first_line = str(error).partition("\n")[0]
        raise QueryError(f"{label}: DuckDB could not run the statement: {first_line}") from error


class DuckDbEngine:
    """An Engine over one DuckDB connection; the owner of the connection creates the tables.

    `tables` are SELECTs by name that are prepended to the statements that read them, in place of tables of the
    connection. `shared` are views of the connection that are computed when they are first read.
    """

    name = "duckdb"
    at_once = 2  # one statement is planned while the other runs on all cores

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: Mapping[str, str] | None = None,
        *,
        shared: SharedViews | None = None,
    ) -> None:
        self.connection = connection
        self._shared = shared
        self.tables: Mapping[str, str] = tables or {}

    def over(self, tables: Mapping[str, str]) -> "DuckDbEngine":
        """Return an engine over other `tables`; see Engine.over."""
        return DuckDbEngine(self.connection, tables, shared=self._shared)

    def query(self, statement: str, *, label: str) -> list[Row]:
        """Return the rows of one SELECT; see Engine.query."""
        with _naming(label):
            cursor = self._execute(statement)
            columns = [column[0] for column in cursor.description or ()]
            return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

    def columns(self, statement: str, *, label: str) -> "dict[str, np.ndarray]":
        """Return the columns of one SELECT; see Engine.columns."""
        with _naming(label):
            return self._execute(statement).fetchnumpy()

    def _execute(self, statement: str) -> duckdb.DuckDBPyConnection:
        statement = with_tables(statement, self.tables)
        if self._shared:
            self._shared.compute(statement)
        return self.connection.cursor().execute(statement)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
