"""Create tables on Trino for the duration of a scan, and drop them at its end."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from focuswatch.bill.refresh.trino_refresh import TrinoTables
from focuswatch.engines.trino_create_and_insert_sql import create_statement, insert_statements


@dataclass(frozen=True)
class TemporaryTables:
    """Tables of one scan, under unique names; `close` drops them."""

    trino: TrinoTables
    run: str
    created: list[str] = field(default_factory=list)

    def load(self, name: str, shape: Mapping[str, str], rows: list[tuple[object, ...]]) -> str:
        """Create a table with these rows, and return a SELECT of them."""
        table = self._new_name(name)
        self.trino.engine.execute(create_statement(table, shape), label=name)
        for statement in insert_statements(table, shape, rows):
            self.trino.engine.execute(statement, label=name)
        return f"SELECT {', '.join(shape)} FROM {table}"

    def materialize(self, name: str, select: str) -> str:
        """Create a table with the result of `select`, and return a SELECT of it.

        Trino would evaluate a common table expression again at each reference.
        """
        table = self._new_name(name)
        self.trino.engine.execute(f"CREATE TABLE {table} AS\n{select}", label=name)
        return f"SELECT * FROM {table}"

    def close(self) -> None:
        """Drop all tables."""
        for table in self.created:
            self.trino.engine.execute(f"DROP TABLE IF EXISTS {table}", label=table)

    def _new_name(self, name: str) -> str:
        self.created.append(f"{name}__{self.run}_{len(self.created)}")
        return self.created[-1]
