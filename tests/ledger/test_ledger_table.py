"""The contract of each ledger: its state and its notifications."""

import multiprocessing
import sqlite3
from collections.abc import Mapping, Sequence
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
)
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.ledger.ledger_protocol import Decide
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import DAY, finding, run

NEXT_DAY = DAY + timedelta(days=1)


@pytest.fixture(params=["sqlite", "dynamodb"])
def ledger(request, tmp_path: Path):
    """Both kinds keep the same contract."""
    if request.param == "sqlite":
        yield SqliteLedger(tmp_path / "ledger.db")
        return
    with mock_aws():
        yield DynamoLedger(ledger_table())


def told(ledger: Ledger, a_run: DetectionRun) -> list[str]:
    """Return the kinds of the notifications of a run."""
    decision = ledger.update(
        lambda entries, silences: decide(entries, silences, a_run),
        evaluated=[EvaluatedUntil(id, a_run.as_of) for id in a_run.ran],
    )
    return [notification.kind for notification in decision.notifications]


def only(ledger: Ledger) -> LedgerEntry:
    (entry,) = ledger.entries().values()
    return entry


def test_a_finding_is_new_once(ledger):
    """A repeated run causes no notification."""
    assert told(ledger, run(finding())) == ["new"]
    assert told(ledger, run(finding())) == []


def test_reopened_ledger_keeps_notified_findings(tmp_path):
    """The state is on disk and not in the process."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    told(ledger, run(finding()))
    assert told(SqliteLedger(ledger.path), run(finding())) == []


def test_cost_increase_of_half_is_notified(ledger):
    """From 100 to 150 a month is material."""
    told(ledger, run(finding(cost="100")))
    assert told(ledger, run(finding(cost="150"), on=NEXT_DAY)) == ["changed"]


def test_smaller_cost_increase_is_not_notified(ledger):
    """149.99 is not 1.5 times 100; the cost is compared with the last notification, not with the last scan."""
    told(ledger, run(finding(cost="100")))
    assert told(ledger, run(finding(cost="149.99"), on=NEXT_DAY)) == []
    assert told(ledger, run(finding(cost="150"), on=NEXT_DAY + timedelta(days=1))) == ["changed"]


def test_small_sums_do_not_change(ledger):
    """An increase from 2 to 6 USD/month is a factor of three and causes no notification."""
    told(ledger, run(finding(cost="2")))
    assert told(ledger, run(finding(cost="6"), on=NEXT_DAY)) == []


def test_higher_severity_is_notified(ledger):
    """From 990 to 1,010 a month is little money and another severity."""
    told(ledger, run(finding(cost="990")))
    assert told(ledger, run(finding(cost="1010"), on=NEXT_DAY)) == ["changed"]


def test_lower_cost_is_not_notified(ledger):
    """The owner is notified when the finding is resolved."""
    told(ledger, run(finding(cost="1000")))
    assert told(ledger, run(finding(cost="100"), on=NEXT_DAY)) == []


def test_an_open_finding_is_reminded_of_after_two_weeks(ledger):
    """And then again only after two more."""
    told(ledger, run(finding()))
    days = [told(ledger, run(finding(), on=DAY + timedelta(days=number))) for number in range(1, 29)]
    assert [number for number, kinds in enumerate(days, start=1) if kinds == ["reminder"]] == [14, 28]


def test_missing_finding_is_resolved_once(ledger):
    """The resolution is notified once."""
    told(ledger, run(finding()))
    assert told(ledger, run(on=NEXT_DAY)) == ["resolved"]
    assert told(ledger, run(on=NEXT_DAY)) == []
    assert (only(ledger).state, only(ledger).resolved_on) == ("resolved", NEXT_DAY)


def test_recurring_finding_is_new_again(ledger):
    """A resolved finding that occurs again is notified again, with a new first day."""
    told(ledger, run(finding()))
    told(ledger, run(on=NEXT_DAY))
    back = NEXT_DAY + timedelta(days=3)
    assert told(ledger, run(finding(on=back), on=back)) == ["new"]
    assert only(ledger).finding.first_seen == back


@pytest.mark.parametrize(
    "reach",
    [
        pytest.param({"ran": ()}, id="its detection failed"),
        pytest.param({"resolves": False}, id="the data is stale or partial"),
        pytest.param({"missing_accounts": {"111122223333"}}, id="its account is missing from the bill"),
        pytest.param({"not_evaluated": {finding().fingerprint}}, id="nobody looked at its activity"),
        pytest.param({"on": DAY - timedelta(days=1)}, id="the run looked at an older bill"),
    ],
)
def test_nothing_is_resolved_on_a_doubt(ledger, reach):
    """A missing finding is not resolved if it was not evaluated."""
    told(ledger, run(finding()))
    assert told(ledger, run(**({"on": NEXT_DAY} | reach))) == []
    assert only(ledger).state == "open"


def test_finding_with_notify_once_is_not_notified_again(ledger):
    """A new region leaves the evaluated period without a notification and stays in the ledger."""
    once = {"notified_once": {"idle_sagemaker_endpoint"}}
    assert told(ledger, run(finding(), **once)) == ["new"]
    assert told(ledger, run(on=NEXT_DAY, **once)) == []
    assert only(ledger).state == "closed"
    assert told(ledger, run(finding(on=NEXT_DAY), on=NEXT_DAY, **once)) == []


def test_old_event_is_not_resolved_and_a_new_one_is_notified(ledger):
    """GPUs that still run a week later cause no notification and are not resolved."""
    each = {"notified_each_time": {"idle_sagemaker_endpoint"}}
    assert told(ledger, run(finding(), **each)) == ["new"]
    assert told(ledger, run(on=NEXT_DAY, **each)) == []
    assert told(ledger, run(finding(on=NEXT_DAY), on=NEXT_DAY, **each)) == ["new"]


def test_reset_finding_is_notified_again(ledger):
    """Re-arming is forgetting."""
    told(ledger, run(finding()))
    ledger.forget(finding().fingerprint)
    assert told(ledger, run(finding())) == ["new"]


def silence(**given: object) -> Suppression:
    words = {
        "scope": "fingerprint",
        "value": finding().fingerprint,
        "author": "ada",
        "reason": "known",
        "since": DAY,
    }
    return Suppression(**(words | given))


def test_snoozed_finding_is_notified_on_its_day(ledger):
    """The snooze ends on its day, and the unchanged finding is notified."""
    told(ledger, run(finding()))
    ledger.add_suppression(silence(until=DAY + timedelta(days=5)))
    days = [
        told(ledger, run(finding(cost="9999"), on=DAY + timedelta(days=number))) for number in range(1, 7)
    ]
    assert [number for number, kinds in enumerate(days, start=1) if kinds] == [5]


def test_a_snooze_that_ran_out_reminds_though_nothing_changed(ledger):
    """Whoever snoozed asked to hear of it again."""
    told(ledger, run(finding()))
    ledger.add_suppression(silence(until=NEXT_DAY))
    assert told(ledger, run(finding(), on=NEXT_DAY)) == ["reminder"]
    assert told(ledger, run(finding(), on=NEXT_DAY)) == []


def test_finding_excluded_in_advance_is_notified_after_expiry(ledger):
    """The finding was recorded meanwhile, and is notified as new."""
    kept = ledger.add_suppression(silence())
    assert told(ledger, run(finding())) == []
    ledger.remove_suppression(kept.id)
    assert told(ledger, run(finding(), on=NEXT_DAY)) == ["new"]


def test_suppressed_finding_is_resolved_without_notification(ledger):
    """A finding that was never notified is resolved without a notification."""
    ledger.add_suppression(silence())
    told(ledger, run(finding()))
    assert told(ledger, run(on=NEXT_DAY)) == []
    assert only(ledger).state == "resolved"


@pytest.mark.parametrize(
    ("given", "covered"),
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
def test_an_exclusion_covers_its_scope_and_no_more(ledger, given, covered):
    """A scope is compared whole; a detection narrows it."""
    ledger.add_suppression(silence(**given))
    kinds = told(ledger, run(finding(tags={"environment": "sandbox"})))
    assert kinds == ([] if covered else ["new"])


def test_how_far_each_detection_looked_never_goes_back(ledger):
    """A scan of an older bill does not make yesterday's findings new."""
    told(ledger, run(on=NEXT_DAY))
    told(ledger, run(on=DAY))
    assert ledger.evaluated_until() == {"idle_sagemaker_endpoint": NEXT_DAY}


def test_notifications_are_ordered_by_cost(ledger):
    """The finding with the highest cost is notified first."""
    decision = decide({}, [], run(finding("a", cost="1"), finding("b", cost="100"), finding("c", cost="10")))
    assert [str(notification.finding.monthly_cost) for notification in decision.notifications] == [
        "100",
        "10",
        "1",
    ]


def _tell_in_a_process(path: Path, barrier: object, number: int) -> int:
    ledger = SqliteLedger(path)
    barrier.wait()  # type: ignore[attr-defined]
    a_run = run(finding(), finding(f"own-{number}"), ran=())
    return len(ledger.update(partial(_decide, a_run), evaluated=()).notifications)


def _decide(a_run: DetectionRun, entries: dict[str, LedgerEntry], silences: list[Suppression]) -> object:
    return decide(entries, silences, a_run)


def test_finding_of_concurrent_runs_is_notified_once(tmp_path):
    """Four processes report one common and one own finding each: five findings are notified, none twice."""
    SqliteLedger(tmp_path / "ledger.db").close()
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(4) as pool:
        barrier = manager.Barrier(4)
        counts = pool.starmap(
            _tell_in_a_process, [(tmp_path / "ledger.db", barrier, number) for number in range(4)]
        )
    assert sum(counts) == 5


def test_a_decision_that_fails_writes_nothing(ledger):
    """Half an update is none."""

    def fail(_entries, _silences):
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        ledger.update(fail, evaluated=[EvaluatedUntil("idle_sagemaker_endpoint", DAY)])
    assert (ledger.entries(), ledger.evaluated_until()) == ({}, {})


def test_a_file_that_is_no_ledger_is_refused(tmp_path):
    """One sentence, naming the file."""
    path = tmp_path / "ledger.db"
    path.write_text("not a database, but long enough to look like one " * 40)
    with pytest.raises(LedgerError, match="cannot open ledger .*ledger.db"):
        SqliteLedger(path)


def test_a_ledger_of_a_newer_version_is_refused(tmp_path):
    """An older focuswatch does not guess what a newer one wrote."""
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(LedgerError, match="newer version of focuswatch"):
        SqliteLedger(tmp_path / "ledger.db")


def test_unknown_suppression_or_finding_is_an_error(ledger):
    """Taking back what is not there says where to look."""
    with pytest.raises(LedgerError, match="no suppression 7"):
        ledger.remove_suppression(7)
    with pytest.raises(LedgerError, match="abc"):
        ledger.forget("abc")


def test_dates_are_the_bills_own():
    """Nothing in an entry comes from the machine's clock."""
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
    """Its findings are not reported as new."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    told(ledger, run(finding()))
    with sqlite3.connect(ledger.path) as connection:
        connection.executescript(damage)
    with pytest.raises(LedgerError, match=r"ledger.db is damaged \(.*\)\. Restore the file from a backup"):
        print(ledger.entries(), ledger.suppressions(), ledger.evaluated_until())


def test_a_full_disk_leaves_the_ledger_as_it_was(tmp_path):
    """SQLite ends the transaction itself then; what was known stays, and a sentence says why."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    told(ledger, run(finding()))
    pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
    ledger._connection.execute(f"PRAGMA max_page_count = {pages}")
    many = [finding(f"arn:{number}") for number in range(200)]
    with pytest.raises(LedgerError, match="full. Check that the disk is not full"):
        told(ledger, run(*many))
    assert len(ledger.entries()) == 1


def test_notifications_above_the_limit_are_in_the_digest(ledger):
    """Security goes first, whatever it costs; then what costs most, team by team."""
    many = [finding(resource=f"r-{number}", cost=str(1000 + number), team="search") for number in range(25)]
    alarm = finding(resource="alarm", cost="1", category="security", team="search")
    other = finding(resource="other", cost="1", team="ml")
    a_run = run(*many, alarm, other)
    decision = ledger.update(lambda entries, silences: decide(entries, silences, a_run), evaluated=[])
    summed = {
        notification.finding.resource_id for notification in decision.notifications if notification.in_digest
    }
    assert summed == {f"r-{number}" for number in range(6)}


def test_minor_security_findings_are_in_the_digest_only(ledger):
    """Sixty first charges of a thousandth of a cent are one digest; what costs is a message of its own."""
    minor = [
        finding(resource=f"m-{number}", cost="0.00001", category="security", team="search").model_copy(
            update={"severity": "low"}
        )
        for number in range(60)
    ]
    alarm = finding(resource="alarm", cost="0", category="security", team="search")
    a_run = run(*minor, alarm, finding(resource="pool", cost="1", team="search"))
    decision = ledger.update(lambda entries, silences: decide(entries, silences, a_run), evaluated=[])
    alone = {
        notification.finding.resource_id
        for notification in decision.notifications
        if not notification.in_digest
    }
    assert alone == {"alarm", "pool"}


def test_notification_is_pending_until_it_is_marked(ledger):
    """An error or a kill between the ledger and the output loses none; each finding's news keeps its order."""
    told(ledger, run(finding(cost="100")))
    told(ledger, run(finding(cost="400"), on=NEXT_DAY))
    first, second = ledger.pending_notifications()
    assert [first.notification.kind, second.notification.kind] == ["new", "changed"]
    assert second.after == first.number < second.number
    ledger.mark_notified(first)
    assert [one.number for one in ledger.pending_notifications()] == [second.number]
    ledger.mark_notified(first)
    assert [one.number for one in ledger.pending_notifications()] == [second.number], (
        "the second time does nothing"
    )
    ledger.mark_notified(second)
    assert not list(ledger.pending_notifications())


def test_reset_finding_has_no_pending_notification(ledger):
    told(ledger, run(finding()))
    ledger.forget(finding().fingerprint)
    assert not list(ledger.pending_notifications())


def test_exclusion_by_tag_covers_security_only_with_include_security():
    """Whoever intrudes can tag; the other scopes are no choice of theirs."""
    one = finding(tags={"env": "sandbox"}, category="security", detection="gpu_burst")
    by_tag = Suppression(scope="tag", value="env=sandbox", author="ana", reason="swept", since=DAY)
    assert by_tag.covers(one.model_copy(update={"category": "waste"}))
    assert not by_tag.covers(one)
    assert by_tag.model_copy(update={"security": True}).covers(one)
    for scope, value in (("account", one.sub_account_id), ("resource", one.resource_id)):
        assert by_tag.model_copy(update={"scope": scope, "value": value}).covers(one)


def counted_decide(a_run: DetectionRun) -> tuple[list[int], Decide]:
    """A decision of a run, and the numbers of entries that it was made over."""
    calls: list[int] = []

    def counted(entries: Mapping[str, LedgerEntry], suppressions: Sequence[Suppression]) -> Decision:
        calls.append(len(entries))
        return decide(entries, suppressions, a_run)

    return calls, counted


def test_snapshot_is_decided_once(ledger):
    """Nothing else was written, so the snapshot is still the ledger's state."""
    told(ledger, run(finding("a")))
    snapshot = ledger.snapshot()
    calls, counted = counted_decide(run(finding("a"), finding("b")))
    decision = ledger.update(counted, evaluated=(), snapshot=snapshot)
    assert [one.finding.resource_id for one in decision.notifications] == ["b"]
    assert calls == [1]
    assert ledger.entries().keys() == snapshot.after(decision).entries.keys()


def test_decision_is_repeated_after_a_concurrent_write(ledger):
    """Else both would notify the same finding."""
    snapshot = ledger.snapshot()
    other = SqliteLedger(ledger.path) if isinstance(ledger, SqliteLedger) else DynamoLedger(ledger._table)
    assert told(other, run(finding())) == ["new"]
    calls, counted = counted_decide(run(finding()))
    assert ledger.update(counted, evaluated=(), snapshot=snapshot).notifications == ()
    assert calls == [0, 1]
    other.close()


def test_suppression_added_since_the_snapshot_mutes_its_findings(ledger):
    """Detections run for minutes between the snapshot and the update."""
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
        (None, (), {"bills": ("aws",)}, ["resolved"]),  # found before bills had names
        (None, ("aws",), {}, ["resolved"]),  # a deployment's bill has no name
    ],
)
def test_a_run_resolves_only_findings_of_its_bills(account, bills, reach, states):
    """A finding without an account is of all bills that it was found in."""
    found = finding(account=account).model_copy(update={"bills": bills})
    first = decide({}, [], run(found))
    entries = {entry.fingerprint: entry for entry in first.entries}
    entries |= {entry.fingerprint: entry for entry in decide(entries, [], run(on=NEXT_DAY, **reach)).entries}
    assert [entry.state for entry in entries.values()] == states
