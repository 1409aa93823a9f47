"""The file format of the SQLite ledger: conversion of format 1, its size, and lists without reading every entry."""

import hashlib
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from focuswatch.errors import LedgerError
from focuswatch.ledger import DetectionRun, LedgerEntry, Notification, SqliteLedger, Suppression, decide
from focuswatch.ledger.compressed_json import DICTIONARY, pack, unpack
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.ledger.entry_head import head_of
from focuswatch.ledger.find_entry import find_entry
from focuswatch.ledger.first_findings_and_count import findings_page
from focuswatch.ledger.ledger_protocol import EvaluatedUntil
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
    """A ledger as focuswatch wrote it in format 1, with a notification that was not sent."""
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
    found = finding(resource, cost="3")
    run = DetectionRun(as_of=DAY, findings={found.fingerprint: found}, ran=())
    ledger.update(lambda entries, muted: decide(entries, muted, run), evaluated=())


def test_the_first_write_converts_a_ledger_of_format_1_and_loses_nothing(old_file):
    """Entries, suppressions, days and pending notifications are the same; a number is not given out again."""
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


def test_a_ledger_of_format_1_that_may_only_be_read_is_read(old_file):
    """Listing writes nothing."""
    old_file.chmod(0o400)
    stored = old_file.read_bytes()
    with closing(SqliteLedger(old_file)) as ledger:
        page = findings_page(ledger, everything=False, most=10)
        assert sorted(one.fingerprint for one in page.entries) == sorted(OPEN)
    assert old_file.read_bytes() == stored


def test_a_conversion_that_fails_leaves_the_ledger_as_it_was(old_file):
    """It is part of the write that follows: both happen, or none."""
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


def test_notifications_of_a_write_that_failed_are_forgotten(tmp_path):
    """Another process may write other notifications under the same numbers."""
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(path)) as failing, closing(SqliteLedger(path)) as other:
        lost = finding("lost", cost="3")
        run = DetectionRun(as_of=DAY, findings={lost.fingerprint: lost}, ran=())
        no_day = EvaluatedUntil(None, DAY)  # type: ignore[arg-type]  refused by the database, after the notifications
        with pytest.raises(LedgerError):
            failing.update(lambda entries, muted: decide(entries, muted, run), evaluated=[no_day])
        write_one(other, resource="kept")
        (pending,) = failing.pending_notifications()
        assert pending.notification.finding.resource_id == "kept"


def test_a_damaged_entry_of_format_1_is_an_error_and_stays(old_file):
    """A row that cannot be read is not dropped by the conversion."""
    with closing(sqlite3.connect(old_file)) as connection, connection:
        connection.execute("UPDATE entries SET entry = '{}' WHERE fingerprint = ?", (OPEN[0],))
    with closing(SqliteLedger(old_file)) as ledger, pytest.raises(LedgerError, match="is damaged"):
        ledger.add_suppression(MUTED)
    with closing(sqlite3.connect(old_file)) as connection:
        assert connection.execute("SELECT count(*) FROM entries").fetchone() == (len(ENTRIES),)


def test_a_decision_over_a_snapshot_of_format_1_is_made_once(old_file):
    """The conversion in between changes no entry."""
    calls = []
    with closing(SqliteLedger(old_file)) as ledger:
        snapshot = ledger.snapshot()
        found = finding("b")
        run = DetectionRun(as_of=DAY, findings={found.fingerprint: found}, ran=())

        def counted(entries, muted):
            calls.append(len(entries))
            return decide(entries, muted, run)

        ledger.update(counted, evaluated=(), snapshot=snapshot)
        assert calls == [len(ENTRIES)]


@pytest.mark.parametrize("everything", [False, True])
def test_ledgers_of_both_formats_and_dynamodb_list_the_same(old_file, everything):
    """SQLite filters and sorts by columns, the others by the entries."""
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


def test_a_page_reads_only_its_own_entries(tmp_path):
    """Of a hundred thousand findings, the others are counted by their columns."""
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
    """A first scan has a notification for each finding, and the file would stay twice as large."""
    found = {one.fingerprint: one for one in (finding(f"arn:{number}") for number in range(300))}
    run = DetectionRun(as_of=DAY, findings=found, ran=())
    with closing(SqliteLedger(tmp_path / "ledger.db")) as ledger:
        ledger.update(lambda entries, muted: decide(entries, muted, run), evaluated=())
        full = ledger.path.stat().st_size
        ledger.mark_notified(*ledger.pending_notifications())
        assert ledger.path.stat().st_size < 0.75 * full
        assert not list(ledger.pending_notifications())
        assert len(ledger.entries()) == 300


def test_the_dictionary_of_the_compression_never_changes():
    """Rows that were written with another one could not be read."""
    assert (
        hashlib.sha256(DICTIONARY).hexdigest()
        == "e012637ae3247266c037b6a3ec3ae7323ca932b60f4a3bcbb38ceca8891cbd4a"
    )
    text = next(iter(ENTRIES.values())).model_dump_json(by_alias=True)
    assert unpack(pack(text)) == text.encode()
    with pytest.raises(ValueError, match="incorrect"):
        unpack(b"not compressed")
