"""Run SQL on a Trino cluster that an organization operates itself, through the `trino` client.

A comment in every statement names the run and the detection, so that operators of the cluster can identify it. Errors
contain the query id, with which Trino's web UI shows details.
"""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from threading import Event, RLock, get_ident
from types import FrameType
from typing import TYPE_CHECKING, Any

from focuswatch.engines.engine_protocol import Row
from focuswatch.engines.prepend_tables_as_ctes import with_tables
from focuswatch.engines.values_as_sql_literals import comment_text
from focuswatch.errors import QueryError

if TYPE_CHECKING:
    import numpy as np
    from trino.dbapi import Connection, Cursor

FLOATS = ("double", "real")
# Time for a statement that was just sent to get its query id, without which it cannot be cancelled.
STOP_SECONDS = 10


@dataclass(eq=False)
class TrinoEngine:
    """An Engine over one catalog and schema of a Trino cluster; see focuswatch.engines.engine_protocol.

    `tables` are SELECTs by name that are prepended to the statements that read them.
    """

    connect: Callable[[], "Connection"]
    run_id: str
    tables: Mapping[str, str] = field(default_factory=dict)
    name: str = "trino"
    at_once: int = 4  # low, because other users of the cluster come first
    _running: "dict[Cursor, int]" = field(default_factory=dict)  # the thread that waits for each cursor
    _stopped: Event = field(default_factory=Event)
    # Reentrant, because a signal handler can run while its own thread holds the lock.
    _lock: RLock = field(default_factory=RLock)

    def over(self, tables: Mapping[str, str]) -> "TrinoEngine":
        """Return an engine over other `tables`; `cancel` on either stops the statements of both."""
        return replace(self, tables=tables)

    def query(self, statement: str, *, label: str) -> list[Row]:
        """Return the rows of one SELECT; see Engine.query."""
        names, _, rows = self._run(with_tables(statement, self.tables), label=label)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def columns(self, statement: str, *, label: str) -> "dict[str, np.ndarray]":
        """Return the columns of one SELECT; see Engine.columns."""
        names, types, rows = self._run(with_tables(statement, self.tables), label=label)
        values = zip(*rows, strict=True) if rows else ([] for _ in names)
        return {
            name: _masked(list(column), type_)
            for name, type_, column in zip(names, types, values, strict=True)
        }

    def execute(self, statement: str, *, label: str) -> None:
        """Run a statement that creates or removes something, and wait for its end. Raises QueryError."""
        self._run(statement, label=label)

    def cancel(self) -> None:
        """Cancel every statement on the cluster, and reject new ones until `resume`. Running calls raise QueryError."""
        with self._lock:
            self._stopped.set()
        until = time.monotonic() + STOP_SECONDS
        while self._end_running() and time.monotonic() < until:
            time.sleep(0.05)

    def resume(self) -> None:
        """Accept statements again."""
        self._stopped.clear()

    def close(self) -> None:
        """Do nothing: the engine holds no resources."""

    def _run(self, statement: str, *, label: str) -> tuple[list[str], list[str], list[list[Any]]]:
        """Run a statement; return the names and types of its columns, and its rows."""
        from requests.exceptions import RequestException
        from trino.exceptions import Error, HttpError, TrinoQueryError

        marked = f"/* focuswatch run {self.run_id}: {comment_text(label)} */\n{statement}"
        cursor = self.connect().cursor()
        self._begin(cursor, label=label)
        try:
            cursor.execute(marked)
            rows = cursor.fetchall()
            self._refuse_stopped(label)  # a cancelled statement can look like one without rows
            described = cursor.description or []
            return (
                [column.name for column in described],
                [str(column.type_code) for column in described],
                rows,
            )
        except TrinoQueryError as error:
            raise QueryError(
                f"{label}: Trino could not run the statement (query {error.query_id}): "
                f"{error.error_name}: {error.message}"
            ) from error
        except (Error, HttpError, RequestException) as error:
            raise QueryError(
                f"{label}: Trino did not respond (query {cursor.query_id or 'not started'}): {error}"
            ) from error
        finally:
            with self._lock:
                self._running.pop(cursor, None)

    def _end_running(self) -> bool:
        """Cancel all running statements; return whether another thread still waits for one."""
        from requests.exceptions import RequestException
        from trino.exceptions import Error, HttpError

        with self._lock:
            running = dict(self._running)
        for cursor in running:
            # A statement that has ended, or a cluster that is down, must not prevent the others from being cancelled.
            with suppress(Error, HttpError, RequestException):
                cursor.cancel()  # type: ignore[no-untyped-call]  # the client's cursors have no types
        return bool(set(running.values()) - {get_ident()})

    def _begin(self, cursor: "Cursor", *, label: str) -> None:
        with self._lock:
            self._refuse_stopped(label)
            self._running[cursor] = get_ident()

    def _refuse_stopped(self, label: str) -> None:
        if self._stopped.is_set():
            raise QueryError(f"{label}: USER_CANCELED: the command was interrupted")


@contextmanager
def cancelled_with_the_command(engine: TrinoEngine) -> Iterator[None]:
    """Cancel the running statements on Ctrl-C and SIGTERM, until the block ends. Only the main thread may enter it.

    After the block, the engine accepts statements again, so that the tables of the command can be removed.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(_number: int, _frame: FrameType | None) -> None:
        restore()  # a second Ctrl-C does not wait for a cluster that does not respond
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
        engine.resume()


def _masked(values: list[Any], type_: str) -> "np.ndarray":
    """Return the values for NumPy: text as objects, dates as datetime64, nulls masked."""
    import numpy as np

    array: np.ndarray
    if type_ == "date":
        array = np.array(values, dtype="datetime64[D]")
    elif type_ in FLOATS:
        array = np.array(values, dtype=float)
    else:
        array = np.empty(len(values), dtype=object)
        array[:] = values
    nulls = [value is None for value in values]
    return np.ma.masked_array(array, mask=nulls) if any(nulls) else array
