"""The ledger in one SQLite file, the default on a laptop."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

from focuswatch.errors import LedgerError
from focuswatch.findings.fast_model_copy import share_field_names
from focuswatch.ledger.compress_json_of_sqlite_rows import pack, unpack
from focuswatch.ledger.entry_head import Choose, EntryHead, chosen_entries, head_of
from focuswatch.ledger.ledger_decision_model import Decision
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.ledger_protocol import (
    Decide,
    EvaluatedUntil,
    LedgerSnapshot,
    unknown_fingerprint,
    unknown_suppression,
)
from focuswatch.ledger.notification_and_pending_notification_models import Notification, PendingNotification
from focuswatch.ledger.suppression import Suppression

VERSION = 2
# Files keep the names of earlier versions: `silences` are suppressions, `untold` are pending notifications, `news` is
# a notification, and `looked` are the days until which each detection was evaluated.
ENTRIES = """
CREATE TABLE IF NOT EXISTS {name} (
    fingerprint TEXT PRIMARY KEY, state TEXT NOT NULL, detection TEXT NOT NULL, category TEXT NOT NULL,
    owned_by TEXT NOT NULL, team TEXT, sub_account_id TEXT, resource_id TEXT, stake REAL NOT NULL,
    incident_id TEXT NOT NULL, incident_lead INTEGER, tags TEXT, entry BLOB NOT NULL
) WITHOUT ROWID;
"""
TABLES = """
CREATE TABLE IF NOT EXISTS silences (id INTEGER PRIMARY KEY, silence TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS untold (
    number INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint TEXT NOT NULL, news TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS looked (detection TEXT PRIMARY KEY, as_of TEXT NOT NULL) WITHOUT ROWID;
"""
HEADS = """
SELECT fingerprint, state, detection, category, owned_by, team, sub_account_id, resource_id, stake, incident_id,
    incident_lead, tags
FROM entries
"""
BUSY_SECONDS = 30  # how long a connection waits for another writer
MOST_PLACEHOLDERS = 500  # placeholders per statement


class SqliteLedger:
    """A Ledger in the file at `path`; see focuswatch.ledger.ledger_protocol for the contract of the methods.

    A file of format 1, which stores all fields of an entry in one text, can be read as it is; only the first write
    converts it, so that a read-only ledger can be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written: dict[int, Notification] = {}  # written by this process, to avoid reading them
        self._converted_rows = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            version = self._format()
            if version > VERSION:
                raise LedgerError(
                    f"{path} was written by a newer version of focuswatch (ledger format {version}). "
                    "Upgrade focuswatch."
                )
            if version < 1:  # an existing file is not written: it may be read-only
                self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                self._connection.executescript(
                    f"{TABLES}{ENTRIES.format(name='entries')}PRAGMA user_version = {VERSION};"
                )
        except (sqlite3.Error, OSError) as error:
            if _is_locked(error):
                raise LedgerError(_read_problem(path, error)) from error
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
            return {
                fingerprint: LedgerEntry.model_validate_json(unpack(stored)) for fingerprint, stored in rows
            }

    def select(self, choose: Choose) -> list[LedgerEntry]:
        """See Ledger.select."""
        with self._reading(), self._one_state():
            if self._format() < VERSION:
                return chosen_entries(self.entries(), choose)
            heads = [EntryHead._make(row) for row in self._connection.execute(HEADS)]
            chosen = list(choose(heads))
            found = self._entries_of(chosen)
            return [found[fingerprint] for fingerprint in chosen]

    def _entries_of(self, fingerprints: Sequence[str]) -> dict[str, LedgerEntry]:
        found = {}
        for start in range(0, len(fingerprints), MOST_PLACEHOLDERS):
            some = fingerprints[start : start + MOST_PLACEHOLDERS]
            rows = self._connection.execute(
                f"SELECT fingerprint, entry FROM entries WHERE fingerprint IN ({', '.join('?' * len(some))})",
                some,
            )
            for fingerprint, stored in rows:
                found[fingerprint] = _entry(stored)
        return found

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
        with self._reading(), self._one_state():
            return LedgerSnapshot(self.entries(), self.suppressions(), self._version())

    def _version(self) -> tuple[int, int]:
        """Return a value that changes when another process or this connection writes."""
        (data_version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return data_version, self._connection.total_changes - self._converted_rows

    def _format(self) -> int:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        return int(version)

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
            f"INSERT OR REPLACE INTO entries VALUES ({', '.join('?' * (len(EntryHead._fields) + 1))})",
            # Inserting in the order of the key fills the pages of the file.
            map(_row, sorted(decision.entries, key=lambda entry: entry.fingerprint)),
        )
        (last,) = self._connection.execute(
            "SELECT max(seq) FROM sqlite_sequence WHERE name = 'untold'"
        ).fetchone()
        numbered = dict(enumerate(decision.notifications, start=(last or 0) + 1))
        self._connection.executemany(
            "INSERT INTO untold VALUES (?, ?, ?)",
            (
                (number, one.finding.fingerprint, pack(one.model_dump_json(by_alias=True)))
                for number, one in numbered.items()
            ),
        )
        self._written |= numbered
        self._connection.executemany(
            "INSERT INTO looked VALUES (?, ?) ON CONFLICT (detection) "
            "DO UPDATE SET as_of = max(as_of, excluded.as_of)",
            [(one.detection, one.as_of.isoformat()) for one in evaluated],
        )

    def pending_notifications(self) -> Iterator[PendingNotification]:
        """See Ledger.pending_notifications."""
        with self._reading():
            rows = self._connection.execute(
                "SELECT number, fingerprint FROM untold ORDER BY number"
            ).fetchall()
            previous: dict[str, int] = {}
            for number, fingerprint in rows:
                notification = self._written.get(number) or self._notification(number)
                if notification is not None:
                    yield PendingNotification(number, previous.get(fingerprint), notification)
                    previous[fingerprint] = number

    def _notification(self, number: int) -> Notification | None:
        """Return a pending notification; None if another process has just marked it as notified."""
        row = self._connection.execute("SELECT news FROM untold WHERE number = ?", (number,)).fetchone()
        return Notification.model_validate_json(unpack(row[0])) if row else None

    def mark_notified(self, *sent: PendingNotification) -> None:
        """See Ledger.mark_notified."""
        with self._transaction():
            self._connection.executemany(
                "DELETE FROM untold WHERE number = ?", [(pending.number,) for pending in sent]
            )
        for pending in sent:
            self._written.pop(pending.number, None)
        with suppress(sqlite3.OperationalError):  # another process is reading; the file shrinks next time
            # Each step frees one page. `execute` takes only one step; `executescript` takes all.
            self._connection.executescript("PRAGMA incremental_vacuum")

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
                raise unknown_suppression(id)

    def forget(self, fingerprint: str) -> None:
        """See Ledger.forget."""
        with self._transaction():
            self._connection.execute("DELETE FROM untold WHERE fingerprint = ?", (fingerprint,))
            if not self._connection.execute(
                "DELETE FROM entries WHERE fingerprint = ?", (fingerprint,)
            ).rowcount:
                raise unknown_fingerprint(fingerprint)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValueError) as error:  # ValueError: a row is damaged
            raise LedgerError(_read_problem(self.path, error)) from error

    @contextmanager
    def _one_state(self) -> Iterator[None]:
        """Read in one transaction, so that no other write comes in between."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._roll_back()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise LedgerError(
                f"cannot write {self.path}: {error}. Check the file permissions, and make sure that no other "
                "process is using the file. Then run the command again."
            ) from error
        try:
            is_converted = self._format() < VERSION
            if is_converted:
                self._convert()
            yield
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._discard()
            raise LedgerError(
                f"cannot write {self.path}: {error}. Check that the disk is not full and that no other process "
                "is using the file, then scan again."
            ) from error
        except BaseException:
            self._discard()
            raise
        if is_converted:
            self._shrink()

    def _discard(self) -> None:
        """Roll back a write, and forget its notifications, because another process may use their numbers."""
        self._written.clear()
        self._roll_back()

    def _convert(self) -> None:
        """Convert the entries of format 1, within a transaction. Pending notifications remain text."""
        changes = self._connection.total_changes
        self._connection.execute(ENTRIES.format(name="converted"))
        with self._reading():
            stored = self._connection.execute("SELECT entry FROM entries")
            self._connection.executemany(
                f"INSERT INTO converted VALUES ({', '.join('?' * (len(EntryHead._fields) + 1))})",
                (_row(_entry(text)) for (text,) in stored),
            )
        self._connection.execute("DROP TABLE entries")
        self._connection.execute("ALTER TABLE converted RENAME TO entries")
        self._connection.execute(f"PRAGMA user_version = {VERSION}")
        self._converted_rows += self._connection.total_changes - changes

    def _shrink(self) -> None:
        """Return the free space of a converted ledger to the disk. If this fails, only the file stays larger."""
        # It fails if another process uses the file, or the disk has no room for a copy.
        with suppress(sqlite3.OperationalError):
            self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._connection.execute("VACUUM")

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # SQLite ends it by itself if the disk is full
            self._connection.execute("ROLLBACK")


def _is_locked(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and _code(error) in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    )


def _code(error: sqlite3.Error) -> int:
    """Return the primary result code of SQLite, which is the last byte of an extended code."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _read_problem(path: Path, error: Exception) -> str:
    """Return a sentence that distinguishes a file that cannot be read now from a damaged file."""
    # SQLITE_ERROR is an OperationalError too: a table or a column of the ledger is missing.
    if isinstance(error, sqlite3.OperationalError) and _code(error) != sqlite3.SQLITE_ERROR:
        return (
            f"cannot read {path}: {error}. Check the file permissions and the disk space, and make sure that no "
            "other process is using the file. Then run the command again."
        )
    first_line = str(error).partition("\n")[0]
    return (
        f"The ledger {path} is damaged ({first_line}). Restore the file from a backup, or specify another ledger with "
        "--ledger."
    )


def _row(entry: LedgerEntry) -> tuple[object, ...]:
    return *head_of(entry), pack(entry.model_dump_json(by_alias=True))


def _entry(stored: str | bytes) -> LedgerEntry:
    entry = LedgerEntry.model_validate_json(unpack(stored))
    share_field_names(entry, entry.finding)
    return entry
