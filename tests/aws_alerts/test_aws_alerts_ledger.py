"""Alerts notify once and again when they grow, and are closed when they are not repeated."""

from datetime import date, timedelta

import pytest
from moto import mock_aws

from focuswatch.aws_alerts import parse, record
from focuswatch.ledger import SqliteLedger, Suppression, decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.owners.owners_file_and_assignment import Owners
from tests.given.aws_alerts import anomaly_message, budget_message
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding, run

TODAY = date(2026, 11, 21)


@pytest.fixture(params=["sqlite", "dynamodb"])
def ledger(request, tmp_path):
    if request.param == "sqlite":
        kept = SqliteLedger(tmp_path / "ledger.db")
        yield kept
        kept.close()
        return
    with mock_aws():
        yield DynamoLedger(ledger_table())


def said(ledger, body, *, on=TODAY):
    """Return the kinds of the notifications of a message."""
    decision = record(ledger, parse(body, owners=Owners(), today=on), today=on)
    return [notification.kind for notification in decision.notifications]


def state(ledger, body):
    return ledger.entries()[parse(body, owners=Owners(), today=TODAY).fingerprint].state


def test_repeated_message_notifies_once(ledger):
    """SNS and SQS deliver at least once."""
    for body in (budget_message(), anomaly_message(), "nobody can read this"):
        assert said(ledger, body) == ["new"]
        assert said(ledger, body) == []


def test_grown_anomaly_is_a_change(ledger):
    """At half as much again or more; the first day is kept."""
    assert said(ledger, anomaly_message()) == ["new"]
    assert said(ledger, anomaly_message(impact=1100, end="2026-11-21T00:00:00Z")) == []
    assert said(ledger, anomaly_message(impact=2002, end="2026-11-22T00:00:00Z")) == ["changed"]
    (entry,) = ledger.entries().values()
    assert (entry.finding.monthly_cost, entry.finding.status) == (2002, "changed")
    assert (entry.finding.first_seen, entry.finding.last_seen) == (date(2026, 11, 18), date(2026, 11, 22))


def test_older_message_changes_nothing(ledger):
    """A queue keeps no order."""
    later = anomaly_message(impact=2002, end="2026-11-22T00:00:00Z")
    assert said(ledger, later) == ["new"]
    assert said(ledger, anomaly_message()) == []
    (entry,) = ledger.entries().values()
    assert entry.finding.monthly_cost == 2002
    assert said(ledger, later) == []


def test_alert_not_repeated_for_45_days_is_closed_without_notification(ledger):
    """By whatever is said after 45 days; a younger one stays open."""
    said(ledger, anomaly_message())  # last seen on November 20
    said(ledger, budget_message(written="November 21, 2026"))
    assert said(ledger, "something else", on=date(2027, 1, 4)) == ["new"]
    assert (state(ledger, anomaly_message()), state(ledger, budget_message())) == ("open", "open")
    assert said(ledger, "something else again", on=date(2027, 1, 5)) == ["new"]
    assert (state(ledger, anomaly_message()), state(ledger, budget_message())) == ("closed", "open")


def test_findings_of_detections_are_not_changed(ledger):
    """A message judges nothing but messages."""
    alert = finding()
    ledger.update(lambda known, silences: decide(known, silences, run(alert)), evaluated=())
    before = ledger.entries()[alert.fingerprint]
    assert said(ledger, anomaly_message(), on=TODAY + timedelta(days=400)) == ["new"]
    assert ledger.entries()[alert.fingerprint] == before


def test_scan_does_not_resolve_alerts(ledger):
    """No detection covers them."""
    said(ledger, budget_message())
    ledger.update(
        lambda known, silences: decide(known, silences, run(on=TODAY + timedelta(days=60))), evaluated=()
    )
    assert state(ledger, budget_message()) == "open"


def test_budget_can_be_suppressed_by_its_name(ledger):
    """The excluded alert is recorded and not notified."""
    ledger.add_suppression(
        Suppression(
            scope="resource", value="focuswatch-team-search", author="a", reason="a big launch", since=TODAY
        )
    )
    assert said(ledger, budget_message()) == []
    assert state(ledger, budget_message()) == "open"


def test_notification_is_pending_until_published():
    """In the ledger on DynamoDB, the notification is pending like that of a detection, and removed when sent."""
    with mock_aws():
        kept = DynamoLedger(ledger_table())
        said(kept, anomaly_message())
        said(kept, anomaly_message(impact=9000, end="2026-11-22T00:00:00Z"))
        assert [pending.notification.kind for pending in kept.pending_notifications()] == ["new", "changed"]
