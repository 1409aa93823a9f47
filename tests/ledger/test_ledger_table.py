"""The contract of all ledgers: their state and their notifications."""

import multiprocessing
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest
from moto import mock_aws

from focuswatch.errors import LedgerError
from focuswatch.ledger import (
    Decision,
    DetectionRun,
    EvaluatedUntil,
    Ledger,
    LedgerEntry,
    SqliteLedger,
    Suppression,
    decide,
    sqlite_ledger,
)
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.ledger.ledger_protocol import Decide
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import DAY, finding, run

NEXT_DAY = DAY + timedelta(days=1)


@pytest.fixture(params=["sqlite", "dynamodb"])
def ledger(request, tmp_path: Path):
    """Yield a ledger of each kind; both follow the same contract."""
    if request.param == "sqlite":
        yield SqliteLedger(tmp_path / "ledger.db")
        return
    with mock_aws():
        yield DynamoLedger(ledger_table())


def notified_kinds(ledger: Ledger, a_run: DetectionRun) -> list[str]:
    """Record a run and return the kinds of its notifications."""
    decision = ledger.update(
        lambda entries, suppressions: decide(entries, suppressions, a_run),
        evaluated=[EvaluatedUntil(id, a_run.as_of) for id in a_run.ran],
    )
    return [notification.kind for notification in decision.notifications]


def only(ledger: Ledger) -> LedgerEntry:
    (entry,) = ledger.entries().values()
    return entry


def test_finding_is_new_once(ledger):
    """A repeated run causes no notification."""
    assert notified_kinds(ledger, run(finding())) == ["new"]
    assert notified_kinds(ledger, run(finding())) == []


def test_reopened_ledger_keeps_notified_findings(tmp_path):
    """The state is on disk and not in the process."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    notified_kinds(ledger, run(finding()))
    assert notified_kinds(SqliteLedger(ledger.path), run(finding())) == []


def test_cost_increase_of_half_is_notified(ledger):
    """From 100 to 150 a month is material."""
    notified_kinds(ledger, run(finding(cost="100")))
    assert notified_kinds(ledger, run(finding(cost="150"), on=NEXT_DAY)) == ["changed"]


def test_smaller_cost_increase_is_not_notified(ledger):
    """149.99 is not 1.5 times 100; the cost is compared with the last notification, not with the last scan."""
    notified_kinds(ledger, run(finding(cost="100")))
    assert notified_kinds(ledger, run(finding(cost="149.99"), on=NEXT_DAY)) == []
    assert notified_kinds(ledger, run(finding(cost="150"), on=NEXT_DAY + timedelta(days=1))) == ["changed"]


def test_increase_of_a_small_cost_is_not_notified(ledger):
    """An increase from 2 to 6 USD/month is a factor of three and causes no notification."""
    notified_kinds(ledger, run(finding(cost="2")))
    assert notified_kinds(ledger, run(finding(cost="6"), on=NEXT_DAY)) == []


def test_higher_severity_is_notified(ledger):
    """An increase from 990 to 1,010 a month is small but raises the severity."""
    notified_kinds(ledger, run(finding(cost="990")))
    assert notified_kinds(ledger, run(finding(cost="1010"), on=NEXT_DAY)) == ["changed"]


def test_lower_cost_is_not_notified(ledger):
    """The owner is notified when the finding is resolved."""
    notified_kinds(ledger, run(finding(cost="1000")))
    assert notified_kinds(ledger, run(finding(cost="100"), on=NEXT_DAY)) == []


def test_open_finding_has_a_reminder_every_two_weeks(ledger):
    """The next reminder is two weeks after the first one."""
    notified_kinds(ledger, run(finding()))
    days = [
        notified_kinds(ledger, run(finding(), on=DAY + timedelta(days=number))) for number in range(1, 29)
    ]
    assert [number for number, kinds in enumerate(days, start=1) if kinds == ["reminder"]] == [14, 28]


def test_missing_finding_is_resolved_once(ledger):
    """The resolution is notified once."""
    notified_kinds(ledger, run(finding()))
    assert notified_kinds(ledger, run(on=NEXT_DAY)) == ["resolved"]
    assert notified_kinds(ledger, run(on=NEXT_DAY)) == []
    assert (only(ledger).state, only(ledger).resolved_on) == ("resolved", NEXT_DAY)


def test_recurring_finding_is_new_again(ledger):
    """A resolved finding that occurs again is notified again, with a new first day."""
    notified_kinds(ledger, run(finding()))
    notified_kinds(ledger, run(on=NEXT_DAY))
    recurred_on = NEXT_DAY + timedelta(days=3)
    assert notified_kinds(ledger, run(finding(on=recurred_on), on=recurred_on)) == ["new"]
    assert only(ledger).finding.first_seen == recurred_on


@pytest.mark.parametrize(
    "reach",
    [
        pytest.param({"ran": ()}, id="its detection failed"),
        pytest.param({"resolves": False}, id="the data is stale or partial"),
        pytest.param({"missing_accounts": {"111122223333"}}, id="its account is missing from the bill"),
        pytest.param({"not_evaluated": {finding().fingerprint}}, id="its activity was not evaluated"),
        pytest.param({"on": DAY - timedelta(days=1)}, id="the run read an older bill"),
    ],
)
def test_finding_that_was_not_evaluated_is_not_resolved(ledger, reach):
    """Only a finding that a run evaluated and no longer reports is resolved."""
    notified_kinds(ledger, run(finding()))
    assert notified_kinds(ledger, run(**({"on": NEXT_DAY} | reach))) == []
    assert only(ledger).state == "open"


def test_finding_with_notify_once_is_not_notified_again(ledger):
    """A new region leaves the evaluated period without a notification and stays in the ledger."""
    once = {"closed_when_not_found": {"idle_sagemaker_endpoint"}}
    assert notified_kinds(ledger, run(finding(), **once)) == ["new"]
    assert notified_kinds(ledger, run(on=NEXT_DAY, **once)) == []
    assert only(ledger).state == "closed"
    assert notified_kinds(ledger, run(finding(on=NEXT_DAY), on=NEXT_DAY, **once)) == []


def test_old_event_is_not_resolved_and_a_new_one_is_notified(ledger):
    """GPUs that still run a week later cause no notification and are not resolved."""
    each = {"resolved_without_notification": {"idle_sagemaker_endpoint"}}
    assert notified_kinds(ledger, run(finding(), **each)) == ["new"]
    assert notified_kinds(ledger, run(on=NEXT_DAY, **each)) == []
    assert notified_kinds(ledger, run(finding(on=NEXT_DAY), on=NEXT_DAY, **each)) == ["new"]


def test_reset_finding_is_notified_again(ledger):
    """`focuswatch reset` deletes the finding's entry."""
    notified_kinds(ledger, run(finding()))
    ledger.forget(finding().fingerprint)
    assert notified_kinds(ledger, run(finding())) == ["new"]


def new_suppression(**fields: object) -> Suppression:
    defaults = {
        "scope": "fingerprint",
        "value": finding().fingerprint,
        "author": "ada",
        "reason": "known",
        "since": DAY,
    }
    return Suppression(**(defaults | fields))


def test_snoozed_finding_is_notified_on_its_day(ledger):
    """The snooze ends on its day, and the unchanged finding is notified."""
    notified_kinds(ledger, run(finding()))
    ledger.add_suppression(new_suppression(until=DAY + timedelta(days=5)))
    days = [
        notified_kinds(ledger, run(finding(cost="9999"), on=DAY + timedelta(days=number)))
        for number in range(1, 7)
    ]
    assert [number for number, kinds in enumerate(days, start=1) if kinds] == [5]


def test_expired_snooze_is_followed_by_a_reminder(ledger):
    """A user who snoozes a finding expects to be notified again, also if nothing changed."""
    notified_kinds(ledger, run(finding()))
    ledger.add_suppression(new_suppression(until=NEXT_DAY))
    assert notified_kinds(ledger, run(finding(), on=NEXT_DAY)) == ["reminder"]
    assert notified_kinds(ledger, run(finding(), on=NEXT_DAY)) == []


def test_finding_excluded_in_advance_is_notified_after_expiry(ledger):
    """The finding was recorded meanwhile, and is notified as new."""
    stored_suppression = ledger.add_suppression(new_suppression())
    assert notified_kinds(ledger, run(finding())) == []
    ledger.remove_suppression(stored_suppression.id)
    assert notified_kinds(ledger, run(finding(), on=NEXT_DAY)) == ["new"]


def test_suppressed_finding_is_resolved_without_notification(ledger):
    """A finding that was never notified is resolved without a notification."""
    ledger.add_suppression(new_suppression())
    notified_kinds(ledger, run(finding()))
    assert notified_kinds(ledger, run(on=NEXT_DAY)) == []
    assert only(ledger).state == "resolved"


@pytest.mark.parametrize(
    ("fields", "covered"),
    [
        ({"scope": "resource", "value": "arn:aws:sagemaker:us-east-1:111122223333:endpoint/old"}, True),
        ({"scope": "resource", "value": "arn:aws:sagemaker:us-east-1:111122223333:endpoint/new"}, False),
        ({"scope": "account", "value": "111122223333"}, True),
        ({"scope": "account", "value": "444455556666"}, False),
        ({"scope": "tag", "value": "environment=sandbox"}, True),
        ({"scope": "tag", "value": "environment=prod"}, False),
        ({"scope": "account", "value": "111122223333", "detection": "idle_sagemaker_endpoint"}, True),
        ({"scope": "account", "value": "111122223333", "detection": "new_region"}, False),
    ],
)
def test_exclusion_covers_only_its_scope(ledger, fields, covered):
    """The value must match completely; a detection narrows the scope."""
    ledger.add_suppression(new_suppression(**fields))
    kinds = notified_kinds(ledger, run(finding(tags={"environment": "sandbox"})))
    assert kinds == ([] if covered else ["new"])


def test_last_evaluated_day_of_a_detection_never_decreases(ledger):
    """Otherwise, findings would be new again after a scan of an older bill."""
    notified_kinds(ledger, run(on=NEXT_DAY))
    notified_kinds(ledger, run(on=DAY))
    assert ledger.evaluated_until() == {"idle_sagemaker_endpoint": NEXT_DAY}


def test_notifications_are_ordered_by_cost(ledger):
    """The finding with the highest cost is notified first."""
    decision = decide({}, [], run(finding("a", cost="1"), finding("b", cost="100"), finding("c", cost="10")))
    assert [str(notification.finding.monthly_cost) for notification in decision.notifications] == [
        "100",
        "10",
        "1",
    ]


def _notify_in_a_process(path: Path, barrier: object, number: int) -> int:
    ledger = SqliteLedger(path)
    barrier.wait()  # type: ignore[attr-defined]
    a_run = run(finding(), finding(f"own-{number}"), ran=())
    return len(ledger.update(partial(_decide, a_run), evaluated=()).notifications)


def _decide(a_run: DetectionRun, entries: dict[str, LedgerEntry], suppressions: list[Suppression]) -> object:
    return decide(entries, suppressions, a_run)


def test_finding_of_concurrent_runs_is_notified_once(tmp_path):
    """Four processes report one common finding and one own finding each: each of the five is notified once."""
    SqliteLedger(tmp_path / "ledger.db").close()
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(4) as pool:
        barrier = manager.Barrier(4)
        counts = pool.starmap(
            _notify_in_a_process, [(tmp_path / "ledger.db", barrier, number) for number in range(4)]
        )
    assert sum(counts) == 5


def test_failed_decision_writes_nothing(ledger):
    """An update is written completely or not at all."""

    def fail(_entries, _suppressions):
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        ledger.update(fail, evaluated=[EvaluatedUntil("idle_sagemaker_endpoint", DAY)])
    assert (ledger.entries(), ledger.evaluated_until()) == ({}, {})


def test_file_that_is_not_a_ledger_is_refused(tmp_path):
    """The error is one sentence that names the file."""
    path = tmp_path / "ledger.db"
    path.write_text("not a database, but long enough to look like one " * 40)
    with pytest.raises(LedgerError, match="cannot open ledger .*ledger.db"):
        SqliteLedger(path)


def test_ledger_of_a_newer_version_is_refused(tmp_path):
    """An older focuswatch could misread the format of a newer version."""
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(LedgerError, match="newer version of focuswatch"):
        SqliteLedger(tmp_path / "ledger.db")


def test_unknown_suppression_or_finding_is_an_error(ledger):
    """The error names the ID that does not exist."""
    with pytest.raises(LedgerError, match="no suppression 7"):
        ledger.remove_suppression(7)
    with pytest.raises(LedgerError, match="abc"):
        ledger.forget("abc")


def test_dates_of_an_entry_are_those_of_the_bill():
    """The system clock is not used."""
    decision = decide({}, [], run(finding(on=date(2020, 1, 1)), on=date(2020, 1, 1)))
    assert decision.entries[0].notified_on == date(2020, 1, 1)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE entries SET entry = '{}'",
        "UPDATE looked SET as_of = 'yesterday'",
        "DROP TABLE entries; CREATE TABLE entries (other TEXT)",
        "INSERT INTO silences (silence) VALUES ('[')",
    ],
)
def test_damaged_ledger_is_an_error(tmp_path, damage):
    """Otherwise all its findings would be reported as new."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    notified_kinds(ledger, run(finding()))
    with sqlite3.connect(ledger.path) as connection:
        connection.executescript(damage)
    with pytest.raises(LedgerError, match=r"ledger.db is damaged \(.*\)\. Restore the file from a backup"):
        print(ledger.entries(), ledger.suppressions(), ledger.evaluated_until())


READS = {
    "entries": lambda ledger: ledger.entries(),
    "select": lambda ledger: ledger.select(lambda heads: [head.fingerprint for head in heads]),
    "suppressions": lambda ledger: ledger.suppressions(),
    "evaluated_until": lambda ledger: ledger.evaluated_until(),
    "snapshot": lambda ledger: ledger.snapshot(),
    "pending_notifications": lambda ledger: list(ledger.pending_notifications()),
    "a new connection": lambda ledger: SqliteLedger(ledger.path),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_ledger_that_another_process_locks_is_not_reported_as_damaged(tmp_path, monkeypatch, read):
    """Nothing has to be restored. The command succeeds when the other process has finished."""
    monkeypatch.setattr(sqlite_ledger, "BUSY_SECONDS", 0.01)
    ledger = SqliteLedger(tmp_path / "ledger.db")
    notified_kinds(ledger, run(finding()))
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(
            LedgerError, match=r"^cannot read .*ledger.db: database is locked\. .*run the command again"
        ):
            read(ledger)
    read(ledger)


def test_full_disk_leaves_the_ledger_unchanged(tmp_path):
    """SQLite itself rolls back the transaction in this case. The entries stay, and the error states the reason."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    notified_kinds(ledger, run(finding()))
    pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
    ledger._connection.execute(f"PRAGMA max_page_count = {pages}")
    many = [finding(f"arn:{number}") for number in range(200)]
    with pytest.raises(LedgerError, match="full. Check that the disk is not full"):
        notified_kinds(ledger, run(*many))
    assert len(ledger.entries()) == 1


def test_notifications_above_the_limit_are_in_the_digest(ledger):
    """The limit is per team. Security findings have priority at any cost, then findings with the highest cost."""
    many = [finding(resource=f"r-{number}", cost=str(1000 + number), team="search") for number in range(25)]
    alarm = finding(resource="alarm", cost="1", category="security", team="search")
    other = finding(resource="other", cost="1", team="ml")
    a_run = run(*many, alarm, other)
    decision = ledger.update(lambda entries, suppressions: decide(entries, suppressions, a_run), evaluated=[])
    digest_resources = {
        notification.finding.resource_id for notification in decision.notifications if notification.in_digest
    }
    assert digest_resources == {f"r-{number}" for number in range(6)}


def test_minor_security_findings_are_only_in_the_digest(ledger):
    """Sixty first charges of a thousandth of a cent are in the digest; other findings have their own messages."""
    minor = [
        finding(resource=f"m-{number}", cost="0.00001", category="security", team="search").model_copy(
            update={"severity": "low"}
        )
        for number in range(60)
    ]
    alarm = finding(resource="alarm", cost="0", category="security", team="search")
    a_run = run(*minor, alarm, finding(resource="pool", cost="1", team="search"))
    decision = ledger.update(lambda entries, suppressions: decide(entries, suppressions, a_run), evaluated=[])
    message_resources = {
        notification.finding.resource_id
        for notification in decision.notifications
        if not notification.in_digest
    }
    assert message_resources == {"alarm", "pool"}


def test_notification_is_pending_until_it_is_marked(ledger):
    """An error or a kill between ledger and output loses none. Notifications of a finding keep their order."""
    notified_kinds(ledger, run(finding(cost="100")))
    notified_kinds(ledger, run(finding(cost="400"), on=NEXT_DAY))
    first, second = ledger.pending_notifications()
    assert [first.notification.kind, second.notification.kind] == ["new", "changed"]
    assert second.after == first.number < second.number
    ledger.mark_notified(first)
    assert [one.number for one in ledger.pending_notifications()] == [second.number]
    ledger.mark_notified(first)
    assert [one.number for one in ledger.pending_notifications()] == [second.number], (
        "marking it again does nothing"
    )
    ledger.mark_notified(second)
    assert not list(ledger.pending_notifications())


def test_reset_finding_has_no_pending_notification(ledger):
    notified_kinds(ledger, run(finding()))
    ledger.forget(finding().fingerprint)
    assert not list(ledger.pending_notifications())


def test_exclusion_by_tag_covers_security_only_with_include_security():
    """An intruder can set tags, but cannot choose the account or the resource of an exclusion."""
    one = finding(tags={"env": "sandbox"}, category="security", detection="gpu_burst")
    by_tag = Suppression(scope="tag", value="env=sandbox", author="ana", reason="swept", since=DAY)
    assert by_tag.covers(one.model_copy(update={"category": "waste"}))
    assert not by_tag.covers(one)
    assert by_tag.model_copy(update={"security": True}).covers(one)
    for scope, value in (("account", one.sub_account_id), ("resource", one.resource_id)):
        assert by_tag.model_copy(update={"scope": scope, "value": value}).covers(one)


def counted_decide(a_run: DetectionRun) -> tuple[list[int], Decide]:
    """Return a list that records the number of entries at each decision, and the decision of a run."""
    calls: list[int] = []

    def counted(entries: Mapping[str, LedgerEntry], suppressions: Sequence[Suppression]) -> Decision:
        calls.append(len(entries))
        return decide(entries, suppressions, a_run)

    return calls, counted


def test_decision_over_an_unchanged_snapshot_is_made_once(ledger):
    """Nothing else was written, so the snapshot still equals the ledger's state."""
    notified_kinds(ledger, run(finding("a")))
    snapshot = ledger.snapshot()
    calls, counted = counted_decide(run(finding("a"), finding("b")))
    decision = ledger.update(counted, evaluated=(), snapshot=snapshot)
    assert [one.finding.resource_id for one in decision.notifications] == ["b"]
    assert calls == [1]
    assert ledger.entries().keys() == snapshot.after(decision).entries.keys()


def test_decision_is_repeated_after_a_concurrent_write(ledger):
    """Otherwise both runs would notify the same finding."""
    snapshot = ledger.snapshot()
    other = SqliteLedger(ledger.path) if isinstance(ledger, SqliteLedger) else DynamoLedger(ledger._table)
    assert notified_kinds(other, run(finding())) == ["new"]
    calls, counted = counted_decide(run(finding()))
    assert ledger.update(counted, evaluated=(), snapshot=snapshot).notifications == ()
    assert calls == [0, 1]
    other.close()


def test_suppression_added_since_the_snapshot_mutes_its_findings(ledger):
    """Detections run for minutes between the snapshot and the update, in which users can suppress findings."""
    snapshot = ledger.snapshot()
    ledger.add_suppression(
        Suppression(scope="account", value="111122223333", author="ana", reason="test", since=DAY)
    )
    _, counted = counted_decide(run(finding(account="111122223333"), finding(account="444455556666")))
    decision = ledger.update(counted, evaluated=(), snapshot=snapshot)
    assert [one.finding.sub_account_id for one in decision.notifications] == ["444455556666"]


@pytest.mark.parametrize(
    ("account", "bills", "reach", "states"),
    [
        ("111122223333", (), {"accounts": {"111122223333", None}}, ["resolved"]),
        ("111122223333", (), {"accounts": {"222222222222"}, "bills": ("azure",)}, ["open"]),
        ("111122223333", (), {}, ["resolved"]),  # a run that names no accounts reads all
        (None, ("aws", "azure"), {"accounts": {None}, "bills": ("aws",)}, ["open"]),
        (None, ("aws", "azure"), {"bills": ("azure", "litellm", "aws")}, ["resolved"]),
        (None, (), {"bills": ("aws",)}, ["resolved"]),  # stored before bills had names
        (None, ("aws",), {}, ["resolved"]),  # a deployment's bill has no name
    ],
)
def test_run_resolves_only_findings_of_its_bills(account, bills, reach, states):
    """A finding without an account belongs to all bills in which it was detected."""
    one = finding(account=account).model_copy(update={"bills": bills})
    first = decide({}, [], run(one))
    entries = {entry.fingerprint: entry for entry in first.entries}
    entries |= {entry.fingerprint: entry for entry in decide(entries, [], run(on=NEXT_DAY, **reach)).entries}
    assert [entry.state for entry in entries.values()] == states
