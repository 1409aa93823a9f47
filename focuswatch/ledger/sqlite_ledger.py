"""The ledger in one SQLite file, the default on a laptop."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from focuswatch.errors import LedgerError
from focuswatch.ledger.decision import Decision
from focuswatch.ledger.ledger_entry import LedgerEntry, Notification, PendingNotification, Suppression
from focuswatch.ledger.ledger_protocol import Decide, EvaluatedUntil, LedgerSnapshot

VERSION = 1
TABLES = """
CREATE TABLE IF NOT EXISTS entries (fingerprint TEXT PRIMARY KEY, entry TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS silences (id INTEGER PRIMARY KEY, silence TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS untold (
    number INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint TEXT NOT NULL, news TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS looked (detection TEXT PRIMARY KEY, as_of TEXT NOT NULL) WITHOUT ROWID;
"""
BUSY_SECONDS = 30  # how long a writer waits for another


class SqliteLedger:
    """A Ledger in the file at `path`; see focuswatch.ledger.ledger_protocol for what the methods promise."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                raise LedgerError(
                    f"{path} was written by a newer version of focuswatch (ledger format {version}). "
                    "Upgrade focuswatch."
                )
            if version < VERSION:  # else nothing is written, so that a read-only ledger can be read
                self._connection.executescript(TABLES + f"PRAGMA user_version = {VERSION};")
        except (sqlite3.Error, OSError) as error:
            raise LedgerError(
                f"cannot open ledger {path}: {error}. Specify another ledger file with --ledger."
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def entries(self) -> dict[str, LedgerEntry]:
        """See Ledger.entries."""
        with self._reading():
            rows = self._connection.execute("SELECT fingerprint, entry FROM entries")
            return {fingerprint: LedgerEntry.model_validate_json(text) for fingerprint, text in rows}

    def suppressions(self) -> list[Suppression]:
        """See Ledger.suppressions."""
        with self._reading():
            rows = self._connection.execute("SELECT id, silence FROM silences ORDER BY id")
            return [Suppression.model_validate_json(text).model_copy(update={"id": id}) for id, text in rows]

    def evaluated_until(self) -> dict[str, date]:
        """See Ledger.evaluated_until."""
        with self._reading():
            rows = self._connection.execute("SELECT detection, as_of FROM looked")
            return {detection: date.fromisoformat(as_of) for detection, as_of in rows}

    def snapshot(self) -> LedgerSnapshot:
        """See Ledger.snapshot."""
        with self._reading():
            self._connection.execute("BEGIN")
            try:
                return LedgerSnapshot(self.entries(), self.suppressions(), self._version())
            finally:
                self._roll_back()

    def _version(self) -> tuple[int, int]:
        """Return what changes when another process, or this connection, has written."""
        (data_version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return data_version, self._connection.total_changes

    def update(
        self, decide: Decide, *, evaluated: Sequence[EvaluatedUntil], snapshot: LedgerSnapshot | None = None
    ) -> Decision:
        """See Ledger.update."""
        decision = decide(snapshot.entries, snapshot.suppressions) if snapshot else None
        with self._transaction():
            if decision is None or snapshot is None or snapshot.version != self._version():
                decision = decide(self.entries(), self.suppressions())
            self._write(decision, evaluated)
        return decision

    def _write(self, decision: Decision, evaluated: Sequence[EvaluatedUntil]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO entries VALUES (?, ?)",
            [(entry.fingerprint, entry.model_dump_json(by_alias=True)) for entry in decision.entries],
        )
        self._connection.executemany(
            "INSERT INTO untold (fingerprint, news) VALUES (?, ?)",
            [
                (notification.finding.fingerprint, notification.model_dump_json(by_alias=True))
                for notification in decision.notifications
            ],
        )
        self._connection.executemany(
            "INSERT INTO looked VALUES (?, ?) ON CONFLICT (detection) "
            "DO UPDATE SET as_of = max(as_of, excluded.as_of)",
            [(one.detection, one.as_of.isoformat()) for one in evaluated],
        )

    def pending_notifications(self) -> Iterator[PendingNotification]:
        """See Ledger.pending_notifications."""
        with self._reading():
            rows = self._connection.execute(
                "SELECT number, fingerprint, news FROM untold ORDER BY number"
            ).fetchall()
            previous: dict[str, int] = {}
            for number, fingerprint, text in rows:
                yield PendingNotification(
                    number, previous.get(fingerprint), Notification.model_validate_json(text)
                )
                previous[fingerprint] = number

    def mark_notified(self, *sent: PendingNotification) -> None:
        """See Ledger.mark_notified."""
        with self._transaction():
            self._connection.executemany(
                "DELETE FROM untold WHERE number = ?", [(pending.number,) for pending in sent]
            )

    def add_suppression(self, suppression: Suppression) -> Suppression:
        """See Ledger.add_suppression."""
        with self._transaction():
            cursor = self._connection.execute(
                "INSERT INTO silences (silence) VALUES (?)", (suppression.model_dump_json(exclude={"id"}),)
            )
        return suppression.model_copy(update={"id": cursor.lastrowid})

    def remove_suppression(self, id: int) -> None:
        """See Ledger.remove_suppression."""
        with self._transaction():
            if not self._connection.execute("DELETE FROM silences WHERE id = ?", (id,)).rowcount:
                raise LedgerError(
                    f"There is no suppression {id}. To list suppressions, run focuswatch findings --suppressions."
                )

    def forget(self, fingerprint: str) -> None:
        """See Ledger.forget."""
        with self._transaction():
            self._connection.execute("DELETE FROM untold WHERE fingerprint = ?", (fingerprint,))
            if not self._connection.execute(
                "DELETE FROM entries WHERE fingerprint = ?", (fingerprint,)
            ).rowcount:
                raise LedgerError(
                    f"No finding has the fingerprint {fingerprint}. To list findings, run focuswatch findings."
                )

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValueError) as error:  # ValueError: a row does not hold what was written
            first_line = str(error).partition("\n")[0]
            raise LedgerError(
                f"The ledger {self.path} is damaged ({first_line}). "
                "Restore the file from a backup, or specify another ledger with --ledger."
            ) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise LedgerError(
                f"cannot write {self.path}: {error}. Check the permissions of the file and that no other process "
                "uses it, then run the command again."
            ) from error
        try:
            yield
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise LedgerError(
                f"cannot write {self.path}: {error}. Check that the disk is not full and that no other process "
                "uses the file, then scan again."
            ) from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # SQLite ends it itself where the disk is full
            self._connection.execute("ROLLBACK")
