"""Store views that several statements of a scan read as tables, when the first statement reads them."""

import threading
from collections.abc import Collection, Mapping

import duckdb

from focuswatch.engines.find_tables_read_by_sql import tables_read_by


class SharedViews:
    """Views of one DuckDB connection, of which those in `shared` are computed only once.

    `views` has the SQL of each view by name, each after the views that it reads. The data must not change afterwards: a
    bill is refreshed before its views are created.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, views: Mapping[str, str], *, shared: Collection[str]
    ) -> None:
        self._connection = connection
        self._views = views
        self._left = [name for name in views if name in shared]
        self._lock = threading.Lock()

    def compute(self, statement: str) -> None:
        """Compute the shared views that a statement reads, directly or through other views. Raises duckdb.Error."""
        if not self._left:
            return
        needed = tables_read_by(statement, self._views)
        if needed.isdisjoint(self._left):
            return
        with self._lock:
            for name in [one for one in self._left if one in needed]:
                cursor = self._connection.cursor()
                cursor.execute(f"CREATE TABLE shared_{name} AS SELECT * FROM {name}")
                cursor.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM shared_{name}")
                self._left.remove(name)
