"""The engine where an organisation already has one: its own Trino, through the `trino` client.

Every statement carries a comment with the run and what it belongs to, so that whoever operates the Trino sees it;
an error carries the query's id, by which its web UI shows the rest.
"""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from types import FrameType
from typing import TYPE_CHECKING, Any

from focuswatch.engine.ctes import with_tables
from focuswatch.engine.protocol import Row
from focuswatch.errors import QueryError

if TYPE_CHECKING:
    import numpy as np
    from trino.dbapi import Connection, Cursor

FLOATS = ("double", "real")


@dataclass
class TrinoEngine:
    """An Engine over one catalog and schema of a Trino; see focuswatch.engine.protocol.

    `tables` are SELECTs by name that stand before whatever reads them.
    """

    connect: Callable[[], "Connection"]
    run_id: str
    tables: Mapping[str, str] = field(default_factory=dict)
    name: str = "trino"
    at_once: int = 4  # a queue is the cluster's to keep: its other users come first
    _running: "set[Cursor]" = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def query(self, statement: str, *, label: str) -> list[Row]:
        """Rows of one SELECT; see Engine.query."""
        names, _, rows = self._run(with_tables(statement, self.tables), label=label)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def columns(self, statement: str, *, label: str) -> "dict[str, np.ndarray]":
        """Columns of one SELECT; see Engine.columns."""
        names, types, rows = self._run(with_tables(statement, self.tables), label=label)
        values = zip(*rows, strict=True) if rows else ([] for _ in names)
        return {
            name: _masked(list(column), type_)
            for name, type_, column in zip(names, types, values, strict=True)
        }

    def execute(self, statement: str, *, label: str) -> None:
        """Run a statement that makes or removes something, to its end. Raises QueryError."""
        self._run(statement, label=label)

    def cancel(self) -> None:
        """End every statement that runs, on the Trino too; whoever waits for one gets a QueryError."""
        with self._lock:
            running = list(self._running)
        for cursor in running:
            cursor.cancel()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Nothing is held."""

    def _run(self, statement: str, *, label: str) -> tuple[list[str], list[str], list[list[Any]]]:
        """Names, types and rows."""
        from requests.exceptions import RequestException
        from trino.exceptions import Error, HttpError, TrinoQueryError

        marked = f"/* focuswatch run {self.run_id}: {label} */\n{statement}"
        cursor = self.connect().cursor()
        with self._lock:
            self._running.add(cursor)
        try:
            cursor.execute(marked)
            rows = cursor.fetchall()
            described = cursor.description or []
            return [one.name for one in described], [str(one.type_code) for one in described], rows
        except TrinoQueryError as error:
            raise QueryError(
                f"{label}: Trino could not run the statement (query {error.query_id}): "
                f"{error.error_name}: {error.message}"
            ) from error
        except (Error, HttpError, RequestException) as error:
            raise QueryError(
                f"{label}: Trino did not answer (query {cursor.query_id or 'not started'}): {error}"
            ) from error
        finally:
            with self._lock:
                self._running.discard(cursor)


@contextmanager
def cancelled_with_the_command(engine: TrinoEngine) -> Iterator[None]:
    """Until the block ends, Ctrl-C and SIGTERM end the statements that run; the main thread alone may enter it."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(_number: int, _frame: FrameType | None) -> None:
        restore()  # a second Ctrl-C need not wait for a Trino that does not answer
        engine.cancel()
        raise KeyboardInterrupt

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        restore()


def _masked(values: list[Any], type_: str) -> "np.ndarray":
    """As DuckDB gives it: dates as datetime64, text as objects, nulls masked."""
    import numpy as np

    if type_ == "date":
        return np.array(values, dtype="datetime64[D]")
    nulls = [value is None for value in values]
    if type_ in FLOATS:
        filled = [0.0 if value is None else value for value in values]
        return np.ma.masked_array(np.array(filled, dtype=float), mask=nulls)
    held = np.empty(len(values), dtype=object)
    held[:] = values
    return np.ma.masked_array(held, mask=nulls)
