"""The Trino engine, for organizations that run their own Trino, through the `trino` client.

A comment in every statement names the run and the detection, so that operators of the Trino can identify it. Errors
contain the query id, with which the web UI shows details.
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
from focuswatch.errors import QueryError

if TYPE_CHECKING:
    import numpy as np
    from trino.dbapi import Connection, Cursor

FLOATS = ("double", "real")
STOP_SECONDS = 10  # for a statement that was just sent to get its id, without which it cannot be ended


@dataclass
class TrinoEngine:
    """An Engine over one catalog and schema of a Trino; see focuswatch.engines.engine_protocol.

    `tables` are SELECTs by name that stand before whatever reads them.
    """

    connect: Callable[[], "Connection"]
    run_id: str
    tables: Mapping[str, str] = field(default_factory=dict)
    name: str = "trino"
    at_once: int = 4  # a queue is the cluster's to keep: its other users come first
    _running: "dict[Cursor, int]" = field(default_factory=dict)  # with the thread that waits for it
    _stopped: Event = field(default_factory=Event)
    _lock: RLock = field(default_factory=RLock)  # a signal's handler may come while its own thread holds it

    def over(self, tables: Mapping[str, str]) -> "TrinoEngine":
        """Return an engine over other `tables`; `cancel` stops the statements of both."""
        return replace(self, tables=tables)

    def query(self, statement: str, *, label: str) -> list[Row]:
        """Return rows of one SELECT; see Engine.query."""
        names, _, rows = self._run(with_tables(statement, self.tables), label=label)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def columns(self, statement: str, *, label: str) -> "dict[str, np.ndarray]":
        """Return columns of one SELECT; see Engine.columns."""
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
        """Stop every statement, also on the Trino, and accept none until `resume`; running calls raise QueryError."""
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
        """Return names, types and rows."""
        from requests.exceptions import RequestException
        from trino.exceptions import Error, HttpError, TrinoQueryError

        marked = f"/* focuswatch run {self.run_id}: {label} */\n{statement}"
        cursor = self.connect().cursor()
        self._begin(cursor, label=label)
        try:
            cursor.execute(marked)
            rows = cursor.fetchall()
            self._refuse_stopped(label)  # what was ended may look like what found nothing
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
        """End what runs now; whether another thread still waits for something."""
        from requests.exceptions import RequestException
        from trino.exceptions import Error, HttpError

        with self._lock:
            running = dict(self._running)
        for cursor in running:
            # One that is over, or whose Trino is, must not keep the others from being ended.
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
    """Until the block ends, Ctrl-C and SIGTERM end the statements that run; the main thread alone may enter it.

    After the block the engine takes statements again, so that what the command made can be removed.
    """
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
        engine.resume()


def _masked(values: list[Any], type_: str) -> "np.ndarray":
    """Return the values as DuckDB does: dates as datetime64, text as objects, nulls masked."""
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
