"""Run SQL in DuckDB, in this process.

`focuswatch.bill` creates the tables from files, `focuswatch.authoring.detection_cases` from the charges of a test case.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from focuswatch.engines.create_views_when_first_read import ViewsOnDemand
from focuswatch.engines.engine_protocol import Row
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
    connection. `views` are created on the connection when a statement first reads them.
    """

    name = "duckdb"
    at_once = 2  # one statement is planned while the other runs on all cores

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: Mapping[str, str] | None = None,
        *,
        views: ViewsOnDemand | None = None,
    ) -> None:
        self.connection = connection
        self._views = views
        self.tables: Mapping[str, str] = tables or {}

    def over(self, tables: Mapping[str, str]) -> "DuckDbEngine":
        """Return an engine over other `tables`; see Engine.over."""
        return DuckDbEngine(self.connection, tables, views=self._views)

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
        if self._views:
            self._views.create(statement)
        return self.connection.cursor().execute(statement)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
