"""Create the views of a bill in DuckDB when a statement first reads them; store some of them as tables."""

import threading
from collections.abc import Collection, Mapping

import duckdb

from focuswatch.engines.find_tables_read_by_sql import tables_read_by


class ViewsOnDemand:
    """Views of one DuckDB connection, each of which is created when a statement first reads it.

    DuckDB binds a view when it is created, which for all views of a bill takes longer than a short report. `views` has
    the SQL of each view by name, each after the views that it reads. Those in `shared` become tables, so that they are
    computed only once. The data must not change afterwards: a bill is refreshed before its views are created.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, views: Mapping[str, str], *, shared: Collection[str]
    ) -> None:
        self._connection = connection
        self._views = views
        self._shared = shared
        self._left = tuple(views)  # replaced, not changed: other threads read it without the lock
        self._lock = threading.Lock()

    def create(self, statement: str) -> None:
        """Create the views that a statement reads, directly or through other views. Raises duckdb.Error."""
        if not self._left:
            return
        needed = tables_read_by(statement, self._views)
        if needed.isdisjoint(self._left):
            return
        with self._lock:
            cursor = self._connection.cursor()
            for name in [one for one in self._left if one in needed]:
                kind = "TABLE" if name in self._shared else "VIEW"
                cursor.execute(f"CREATE {kind} {name} AS {self._views[name]}")
                self._left = tuple(one for one in self._left if one != name)
