"""An alert is notified once, and again when it grows; it is closed if AWS stops repeating it."""

from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from moto import mock_aws

from focuswatch.aws_alerts.convert_aws_alert_to_finding import parse_alert
from focuswatch.aws_alerts.record_and_close_alert_findings import record_alert_finding
from focuswatch.ledger import SqliteLedger, Suppression, decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.notify.publish_pending_to_sns import Topics, publish
from focuswatch.owners.owners_file import Owners
from tests.given.aws_alerts import anomaly_message, budget_message
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding, run

TODAY = date(2026, 11, 21)


@pytest.fixture(params=["sqlite", "dynamodb"])
def ledger(request, tmp_path):
    if request.param == "sqlite":
        ledger = SqliteLedger(tmp_path / "ledger.db")
        yield ledger
        ledger.close()
        return
    with mock_aws():
        yield DynamoLedger(ledger_table())


def notified_kinds(ledger, body, *, on=TODAY):
    """Record a message. Return the kinds of its notifications."""
    decision = record_alert_finding(ledger, parse_alert(body, owners=Owners(), today=on), today=on)
    return [notification.kind for notification in decision.notifications]


def state(ledger, body):
    return ledger.entries()[parse_alert(body, owners=Owners(), today=TODAY).fingerprint].state


def test_repeated_message_notifies_once(ledger):
    """SNS and SQS deliver at least once."""
    for body in (budget_message(), anomaly_message(), "nobody can read this"):
        assert notified_kinds(ledger, body) == ["new"]
        assert notified_kinds(ledger, body) == []


def test_grown_anomaly_is_a_change(ledger):
    """An increase of at least 50% is a change; the first day is kept."""
    assert notified_kinds(ledger, anomaly_message()) == ["new"]
    assert notified_kinds(ledger, anomaly_message(impact=1100, end="2026-11-21T00:00:00Z")) == []
    assert notified_kinds(ledger, anomaly_message(impact=2002, end="2026-11-22T00:00:00Z")) == ["changed"]
    (entry,) = ledger.entries().values()
    assert (entry.finding.monthly_cost, entry.finding.status) == (2002, "changed")
    assert (entry.finding.first_seen, entry.finding.last_seen) == (date(2026, 11, 18), date(2026, 11, 22))


def test_older_message_changes_nothing(ledger):
    """A queue does not preserve order."""
    later = anomaly_message(impact=2002, end="2026-11-22T00:00:00Z")
    assert notified_kinds(ledger, later) == ["new"]
    assert notified_kinds(ledger, anomaly_message()) == []
    (entry,) = ledger.entries().values()
    assert entry.finding.monthly_cost == 2002
    assert notified_kinds(ledger, later) == []


def test_alert_not_repeated_for_45_days_is_closed_without_notification(ledger):
    """The next message of any kind closes it; an alert of one day later stays open."""
    notified_kinds(ledger, anomaly_message())  # its last day is November 20
    notified_kinds(ledger, budget_message(written="November 21, 2026"))
    assert notified_kinds(ledger, "something else", on=date(2027, 1, 4)) == ["new"]
    assert (state(ledger, anomaly_message()), state(ledger, budget_message())) == ("open", "open")
    assert notified_kinds(ledger, "something else again", on=date(2027, 1, 5)) == ["new"]
    assert (state(ledger, anomaly_message()), state(ledger, budget_message())) == ("closed", "open")


def test_findings_of_detections_are_not_changed(ledger):
    """A message from AWS affects only alerts."""
    alert = finding()
    ledger.update(lambda entries, suppressions: decide(entries, suppressions, run(alert)), evaluated=())
    before = ledger.entries()[alert.fingerprint]
    assert notified_kinds(ledger, anomaly_message(), on=TODAY + timedelta(days=400)) == ["new"]
    assert ledger.entries()[alert.fingerprint] == before


def test_scan_does_not_resolve_alerts(ledger):
    """No detection evaluates them."""
    notified_kinds(ledger, budget_message())
    ledger.update(
        lambda entries, suppressions: decide(entries, suppressions, run(on=TODAY + timedelta(days=60))),
        evaluated=(),
    )
    assert state(ledger, budget_message()) == "open"


def test_budget_can_be_suppressed_by_its_name(ledger):
    """The excluded alert is recorded and not notified."""
    ledger.add_suppression(
        Suppression(
            scope="resource", value="focuswatch-team-search", author="a", reason="a big launch", since=TODAY
        )
    )
    assert notified_kinds(ledger, budget_message()) == []
    assert state(ledger, budget_message()) == "open"


def test_notification_is_pending_until_published():
    """`publish` sends it from the ledger on DynamoDB, like the notification of a detection."""
    with mock_aws():
        ledger = DynamoLedger(ledger_table())
        notified_kinds(ledger, anomaly_message())
        notified_kinds(ledger, anomaly_message(impact=9000, end="2026-11-22T00:00:00Z"))
        assert [pending.notification.kind for pending in ledger.pending_notifications()] == ["new", "changed"]
        sent = []
        sns = SimpleNamespace(publish=lambda **request: sent.append(request["MessageAttributes"]))
        publish(ledger, sns=sns, topics=Topics("findings", {}), progress=lambda _: None)
        assert [one["change"]["StringValue"] for one in sent] == ["new", "changed"]
        assert (list(ledger.pending_notifications()), ledger.pending_count()) == ([], 0)
