"""The ledger on DynamoDB: overlapping runs, and notifications that outlive their run."""

from contextlib import suppress

import pytest
from moto import mock_aws

from focuswatch.ledger import decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from tests.fakes.delivery_world import Table
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding, run
from tests.given.slack_world import Killed


@pytest.fixture
def ledger():
    with mock_aws():
        yield DynamoLedger(ledger_table())


def updated(ledger, a_run):
    return ledger.update(lambda entries, silences: decide(entries, silences, a_run), evaluated=())


def test_finding_of_two_concurrent_runs_is_notified_once(ledger):
    """The second decides on what the first has written, though it had read before."""
    second = []

    def overtaken(entries, silences):
        if not second:
            second.append(updated(ledger, run(finding())))
        return decide(entries, silences, run(finding()))

    first = ledger.update(overtaken, evaluated=())
    assert [notification.kind for notification in second[0].notifications] == ["new"]
    assert not first.notifications
    assert len(list(ledger.pending_notifications())) == 1


def test_an_update_loses_nothing_that_another_wrote_meanwhile(ledger):
    """The findings of both runs are stored and notified."""
    others = finding(resource="another")

    def overtaken(entries, silences):
        if not entries:
            updated(ledger, run(finding(), others))
        return decide(entries, silences, run(finding()))

    ledger.update(overtaken, evaluated=())
    assert ledger.entries().keys() == {finding().fingerprint, others.fingerprint}


def test_notification_is_pending_until_it_is_sent(ledger):
    """A run that dies after deciding leaves its news; whoever tells it takes it away, once."""
    updated(ledger, run(finding()))
    (pending,) = ledger.pending_notifications()
    assert pending.notification.kind == "new"
    ledger.mark_notified(pending)
    assert not list(ledger.pending_notifications())
    ledger.mark_notified(pending)  # a second publisher of the same news
    assert not list(ledger.pending_notifications())


def test_notifications_of_one_finding_are_sent_in_order(ledger):
    """New, then resolved, even if the first notification was late."""
    updated(ledger, run(finding()))
    updated(ledger, run(ran=[finding().detection]))
    assert [pending.notification.kind for pending in ledger.pending_notifications()] == ["new", "resolved"]
    first, second = ledger.pending_notifications()
    ledger.mark_notified(second)  # out of order: nothing is taken away
    assert [pending.id for pending in ledger.pending_notifications()] == [first.id, second.id]
    ledger.mark_notified(first)
    assert [pending.id for pending in ledger.pending_notifications()] == [second.id]


@pytest.mark.parametrize("interrupted", [True, False])
def test_sent_notification_is_removed(interrupted):
    """Though its answer was lost and botocore asked again, or a publisher died right after."""
    with mock_aws():
        table = Table(ledger_table())
        ledger = DynamoLedger(table)
        updated(ledger, run(finding()))
        (pending,) = ledger.pending_notifications()
        calls = []

        def dies(moment):
            calls.append(moment)
            if interrupted and calls == ["before", "after"]:
                raise Killed

        table.befall, table.asked_again = dies, lambda: not interrupted
        with suppress(Killed):
            ledger.mark_notified(pending)
        assert list(ledger.pending_notifications()) == []
        assert ledger.pending_count() == 0


def test_notification_id_is_stable(ledger):
    """Whoever receives it twice can world."""
    updated(ledger, run(finding()))
    assert [pending.id for pending in ledger.pending_notifications()] == [
        pending.id for pending in ledger.pending_notifications()
    ]


def test_more_findings_than_a_page_are_all_there(ledger):
    """DynamoDB returns at most a megabyte per request."""
    many = [finding(resource=f"r-{number}-{'x' * 4_000}") for number in range(400)]
    updated(ledger, run(*many))
    assert len(ledger.entries()) == 400
    assert len(list(ledger.pending_notifications())) == 400
