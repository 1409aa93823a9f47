"""The ledger on DynamoDB: concurrent runs, and notifications that are sent after their run."""

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
    return ledger.update(lambda entries, suppressions: decide(entries, suppressions, a_run), evaluated=())


def test_finding_of_two_concurrent_runs_is_notified_once(ledger):
    """The run that writes last repeats its decision on the state that the other run wrote meanwhile."""
    second = []

    def decide_after_another_run(entries, suppressions):
        if not second:
            second.append(updated(ledger, run(finding())))
        return decide(entries, suppressions, run(finding()))

    first = ledger.update(decide_after_another_run, evaluated=())
    assert [notification.kind for notification in second[0].notifications] == ["new"]
    assert not first.notifications
    assert len(list(ledger.pending_notifications())) == 1


def test_update_keeps_what_a_concurrent_update_wrote(ledger):
    """The findings of both runs are stored and notified."""
    others = finding(resource="another")

    def decide_after_another_run(entries, suppressions):
        if not entries:
            updated(ledger, run(finding(), others))
        return decide(entries, suppressions, run(finding()))

    ledger.update(decide_after_another_run, evaluated=())
    assert ledger.entries().keys() == {finding().fingerprint, others.fingerprint}


def test_notification_is_pending_until_it_is_sent(ledger):
    """A run that is killed after its decision leaves its notification; the publisher that sends it removes it once."""
    updated(ledger, run(finding()))
    (pending,) = ledger.pending_notifications()
    assert pending.notification.kind == "new"
    ledger.mark_notified(pending)
    assert not list(ledger.pending_notifications())
    ledger.mark_notified(pending)  # a second publisher of the same notification
    assert not list(ledger.pending_notifications())


def test_notifications_of_one_finding_are_sent_in_order(ledger):
    """First new, then resolved, also if the first notification is late."""
    updated(ledger, run(finding()))
    updated(ledger, run(ran=[finding().detection]))
    assert [pending.notification.kind for pending in ledger.pending_notifications()] == ["new", "resolved"]
    first, second = ledger.pending_notifications()
    ledger.mark_notified(second)  # out of order: nothing is removed
    assert [pending.id for pending in ledger.pending_notifications()] == [first.id, second.id]
    ledger.mark_notified(first)
    assert [pending.id for pending in ledger.pending_notifications()] == [second.id]


@pytest.mark.parametrize("interrupted", [True, False])
def test_sent_notification_is_removed(interrupted):
    """Also if botocore retried after a lost response, or if the publisher was killed after the write."""
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

        table.befall, table.is_repeated = dies, lambda: not interrupted
        with suppress(Killed):
            ledger.mark_notified(pending)
        assert list(ledger.pending_notifications()) == []
        assert ledger.pending_count() == 0


def test_notification_id_is_stable(ledger):
    """A consumer that receives a notification twice recognizes it by its ID."""
    updated(ledger, run(finding()))
    assert [pending.id for pending in ledger.pending_notifications()] == [
        pending.id for pending in ledger.pending_notifications()
    ]


def test_findings_beyond_one_page_of_a_query_are_read(ledger):
    """DynamoDB returns at most 1 MB per request."""
    many = [finding(resource=f"r-{number}-{'x' * 4_000}") for number in range(400)]
    updated(ledger, run(*many))
    assert len(ledger.entries()) == 400
    assert len(list(ledger.pending_notifications())) == 400
