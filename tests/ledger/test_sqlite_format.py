"""The file format of the SQLite ledger: conversion of format 1, file size, and lists that read only some entries."""

import hashlib
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from focuswatch.errors import LedgerError
from focuswatch.ledger import DetectionRun, LedgerEntry, Notification, SqliteLedger, Suppression, decide
from focuswatch.ledger.compress_json_of_sqlite_rows import DICTIONARY, pack, unpack
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.ledger.entry_head import head_of
from focuswatch.ledger.find_entry import find_entry
from focuswatch.ledger.ledger_protocol import EvaluatedUntil
from focuswatch.ledger.list_findings_by_incident import findings_page
from tests.fakes.dynamodb_in_memory import MemoryTable
from tests.given.one_line_findings import DAY, finding

FORMAT_1 = """
CREATE TABLE entries (fingerprint TEXT PRIMARY KEY, entry TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE silences (id INTEGER PRIMARY KEY, silence TEXT NOT NULL);
CREATE TABLE untold (number INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint TEXT NOT NULL, news TEXT NOT NULL);
CREATE TABLE looked (detection TEXT PRIMARY KEY, as_of TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
"""
MUTED = Suppression(scope="resource", value="muted", author="ana", reason="test", since=DAY)
ENTRIES = {
    entry.fingerprint: entry
    for entry in (
        LedgerEntry(finding=finding("a", cost="5"), notified_on=DAY, notified_step=("2026-04-01", 2.5)),
        LedgerEntry(finding=finding("muted", cost="9000")),
        LedgerEntry(finding=finding("gone", cost="7"), state="resolved", resolved_on=DAY),
        LedgerEntry(
            finding=finding("security", cost="1", category="security").model_copy(
                update={"evidence": {"tags": {"env": "zoë"}}, "incident": "x", "incident_lead": True}
            ),
            acknowledged_by="Ana",
        ),
    )
}
OPEN = [one.fingerprint for one in ENTRIES.values() if one.finding.resource_id in ("a", "security")]


@pytest.fixture
def old_file(tmp_path) -> Path:
    """Return a ledger in format 1 with a pending notification."""
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(FORMAT_1)
        connection.executemany(
            "INSERT INTO entries VALUES (?, ?)",
            [(one.fingerprint, one.model_dump_json(by_alias=True)) for one in ENTRIES.values()],
        )
        connection.execute(
            "INSERT INTO silences (silence) VALUES (?)", (MUTED.model_dump_json(exclude={"id"}),)
        )
        connection.execute("INSERT INTO looked VALUES ('idle_sagemaker_endpoint', ?)", (DAY.isoformat(),))
        pending = Notification(kind="new", finding=ENTRIES[OPEN[0]].finding)
        connection.execute(
            "INSERT INTO untold VALUES (7, ?, ?)", (OPEN[0], pending.model_dump_json(by_alias=True))
        )
    return path


def contents(ledger: SqliteLedger) -> tuple[object, ...]:
    pending = [(one.number, one.after, one.notification) for one in ledger.pending_notifications()]
    return ledger.entries(), ledger.suppressions(), ledger.evaluated_until(), pending


def write_one(ledger: SqliteLedger, *, resource: str = "b") -> None:
    one = finding(resource, cost="3")
    run = DetectionRun(as_of=DAY, findings={one.fingerprint: one}, ran=())
    ledger.update(lambda entries, muted: decide(entries, muted, run), evaluated=())


def test_first_write_converts_a_ledger_of_format_1(old_file):
    """Entries, suppressions, days and pending notifications are unchanged. A used notification number is not reused."""
    with closing(SqliteLedger(old_file)) as ledger:
        before = contents(ledger)
        assert before[0] == ENTRIES
        write_one(ledger)
    with closing(SqliteLedger(old_file)) as ledger:
        entries, *others = contents(ledger)
        added = entries.keys() - ENTRIES.keys()
        assert {one: entries[one] for one in ENTRIES} == ENTRIES and len(added) == 1
        assert others[:2] == list(before[1:3])
        assert others[2][:1] == before[3] and [one[0] for one in others[2]] == [7, 8]
    with closing(sqlite3.connect(old_file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        stored = {type(row[0]) for row in connection.execute("SELECT entry FROM entries")}
        assert stored == {bytes}


def test_read_only_ledger_of_format_1_can_be_listed(old_file):
    """Listing findings does not write to the file."""
    old_file.chmod(0o400)
    stored = old_file.read_bytes()
    with closing(SqliteLedger(old_file)) as ledger:
        page = findings_page(ledger, everything=False, most=10)
        assert sorted(one.fingerprint for one in page.entries) == sorted(OPEN)
    assert old_file.read_bytes() == stored


def test_failed_conversion_leaves_the_ledger_unchanged(old_file):
    """The conversion and the write are one transaction."""
    with closing(SqliteLedger(old_file)) as ledger:
        before = contents(ledger)

        def fail(_entries, _muted):
            raise RuntimeError("killed")

        with pytest.raises(RuntimeError):
            ledger.update(fail, evaluated=[EvaluatedUntil("other", date(2026, 5, 1))])
    with closing(SqliteLedger(old_file)) as ledger:
        assert contents(ledger) == before
    with closing(sqlite3.connect(old_file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_notifications_of_a_failed_write_are_forgotten(tmp_path):
    """Another process may write other notifications under the same numbers."""
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(path)) as failing, closing(SqliteLedger(path)) as other:
        lost = finding("lost", cost="3")
        run = DetectionRun(as_of=DAY, findings={lost.fingerprint: lost}, ran=())
        no_day = EvaluatedUntil(None, DAY)  # type: ignore[arg-type]  the database refuses it after the notifications were written
        with pytest.raises(LedgerError):
            failing.update(lambda entries, muted: decide(entries, muted, run), evaluated=[no_day])
        write_one(other, resource="kept")
        (pending,) = failing.pending_notifications()
        assert pending.notification.finding.resource_id == "kept"


def test_damaged_entry_of_format_1_is_an_error_and_is_kept(old_file):
    """The conversion must not delete a row that it cannot read."""
    with closing(sqlite3.connect(old_file)) as connection, connection:
        connection.execute("UPDATE entries SET entry = '{}' WHERE fingerprint = ?", (OPEN[0],))
    with closing(SqliteLedger(old_file)) as ledger, pytest.raises(LedgerError, match="is damaged"):
        ledger.add_suppression(MUTED)
    with closing(sqlite3.connect(old_file)) as connection:
        assert connection.execute("SELECT count(*) FROM entries").fetchone() == (len(ENTRIES),)


def test_decision_over_a_snapshot_of_format_1_is_made_once(old_file):
    """The conversion after the snapshot changes no entry."""
    calls = []
    with closing(SqliteLedger(old_file)) as ledger:
        snapshot = ledger.snapshot()
        one = finding("b")
        run = DetectionRun(as_of=DAY, findings={one.fingerprint: one}, ran=())

        def counted(entries, muted):
            calls.append(len(entries))
            return decide(entries, muted, run)

        ledger.update(counted, evaluated=(), snapshot=snapshot)
        assert calls == [len(ENTRIES)]


@pytest.mark.parametrize("everything", [False, True])
def test_ledgers_of_both_formats_and_dynamodb_list_the_same(old_file, everything):
    """Format 2 filters and sorts by columns, format 1 and DynamoDB by the entries."""
    table = MemoryTable()
    for one in ENTRIES.values():
        document = one.model_dump_json(by_alias=True)
        table.put_item(Item={"kind": "entry", "id": one.fingerprint, "version": 1, "document": document})
    deployed = DynamoLedger(table)
    deployed.add_suppression(MUTED)
    with closing(SqliteLedger(old_file)) as ledger:
        first = findings_page(ledger, everything=everything, most=10)
        ledger.mark_notified()
        converted = findings_page(ledger, everything=everything, most=10)
        heads = ledger.select(
            lambda heads: [one.fingerprint for one in heads if one == head_of(ENTRIES[one[0]])]
        )
    assert first == converted == findings_page(deployed, everything=everything, most=10)
    assert len(heads) == len(ENTRIES)
    assert first.findings == (4 if everything else 2)


def test_page_reads_only_its_own_entries(tmp_path):
    """Entries that are not shown are counted by their columns, so a list of 100,000 findings is fast."""
    with closing(SqliteLedger(tmp_path / "ledger.db")) as ledger:
        write_one(ledger, resource="first")
        write_one(ledger, resource="second")
        (first,) = [one for one in ledger.entries().values() if one.finding.resource_id == "first"]
        with closing(sqlite3.connect(ledger.path)) as connection, connection:
            connection.execute(
                "UPDATE entries SET entry = 'damaged', stake = 0 WHERE fingerprint <> ?", (first.fingerprint,)
            )
        page = findings_page(ledger, everything=False, most=1)
        assert (page.entries, page.findings, page.incidents) == ((first,), 2, 2)
        assert find_entry(ledger, first.fingerprint[:12], listing="") == first


def test_space_of_sent_notifications_is_returned_to_the_disk(tmp_path):
    """A first scan has a notification for each finding; otherwise the file would stay twice as large."""
    findings = {one.fingerprint: one for one in (finding(f"arn:{number}") for number in range(300))}
    run = DetectionRun(as_of=DAY, findings=findings, ran=())
    with closing(SqliteLedger(tmp_path / "ledger.db")) as ledger:
        ledger.update(lambda entries, muted: decide(entries, muted, run), evaluated=())
        full = ledger.path.stat().st_size
        ledger.mark_notified(*ledger.pending_notifications())
        assert ledger.path.stat().st_size < 0.75 * full
        assert not list(ledger.pending_notifications())
        assert len(ledger.entries()) == 300


def test_compression_dictionary_never_changes():
    """Existing rows could not be read with another dictionary."""
    assert (
        hashlib.sha256(DICTIONARY).hexdigest()
        == "e012637ae3247266c037b6a3ec3ae7323ca932b60f4a3bcbb38ceca8891cbd4a"
    )
    text = next(iter(ENTRIES.values())).model_dump_json(by_alias=True)
    assert unpack(pack(text)) == text.encode()
    with pytest.raises(ValueError, match="incorrect"):
        unpack(b"not compressed")
