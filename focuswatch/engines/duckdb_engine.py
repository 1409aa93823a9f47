"""Run SQL in DuckDB, in this process.

`focuswatch.bill` creates the tables from files, `focuswatch.authoring.detection_cases` from the charges of a test case.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from focuswatch.engines.engine_protocol import Row
from focuswatch.engines.materialize_shared_views import SharedViews
from focuswatch.engines.prepend_tables_as_ctes import with_tables
from focuswatch.errors import QueryError

if TYPE_CHECKING:
    import numpy as np


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
