"""The rules of pauses: who may decide, which press counts, when the cap pauses by itself, when a pause ends."""

from datetime import UTC, date, datetime

import pytest

from focuswatch.controls.decide_pause_or_resume import (
    CapSettings,
    Press,
    decide_cap,
    decide_clock,
    decide_press,
    is_cap_spent,
)
from focuswatch.controls.spending_button_content import spending_control
from focuswatch.controls.use_case_and_cap_of_finding import use_case_of_finding
from focuswatch.controls.use_case_pause_model import expiry
from tests.fakes.pause_world import (
    APPROVER,
    MORNING,
    OTHER_APPROVER,
    ROLES,
    STRANGER,
    cap_finding,
    owners_with,
)
from tests.given.one_line_findings import finding

CAP = CapSettings("tickets", "pause", ROLES, (APPROVER, OTHER_APPROVER), "live", 7)
TODAY = date(2026, 3, 10)


def press(wants="pause", *, user=APPROVER, at=MORNING):
    return Press(wants, f"anna ({user})", user, "f" * 20, at)


def decided(record, pressed, *, cap=CAP, now=MORNING):
    return decide_press(record, pressed, cap=cap, reason="the cap is spent", now=now)


def paused(**changes):
    record = decided(None, press()).record
    return record.changed("applied", author=record.author, reason=record.reason, at=MORNING).model_copy(
        update=changes
    )


@pytest.mark.parametrize("wants", ["pause", "resume"])
def test_only_approvers_can_pause_or_resume(wants):
    """The reply names the approvers."""
    change = decided(paused(), press(wants, user=STRANGER, at=MORNING + 9))
    assert change.record is None
    assert (
        change.note
        == "Only an approver of use case tickets can pause or resume spending. Approvers: <@U0ANNA>, <@U0BERT>."
    )


def test_a_pause_states_author_reason_and_expiry():
    """Its state is "requested" until the roles are paused."""
    record = decided(None, press()).record
    assert (record.state, record.author, record.reason) == ("requested", "anna (U0ANNA)", "the cap is spent")
    assert record.expires == datetime(2026, 3, 17, 8, tzinfo=UTC)
    assert record.roles == ROLES


def test_a_pause_ends_when_the_next_month_starts():
    """Months start in UTC, also after December."""
    assert datetime.fromtimestamp(expiry(datetime(2026, 12, 29, 8, tzinfo=UTC).timestamp(), days=7), UTC) == (
        datetime(2027, 1, 1, tzinfo=UTC)
    )


def test_the_second_pause_changes_nothing_and_names_the_first_author():
    """Two approvers may press at once."""
    change = decided(paused(), press(user=OTHER_APPROVER, at=MORNING + 1))
    assert change.record == paused(decided_at=MORNING + 1)
    assert change.note == "Spending for use case tickets is already paused by anna (U0ANNA)."


@pytest.mark.parametrize("wants", ["pause", "resume"])
def test_a_press_older_than_the_last_decision_does_not_count(wants):
    """A queue may deliver presses late and in any order."""
    change = decided(paused(), press(wants, user=OTHER_APPROVER, at=MORNING - 1))
    assert change.record is None
    assert "later decision" in change.note


def test_a_resume_pressed_before_the_second_pause_does_not_count():
    """The second pause changes nothing, but it is the last decision."""
    twice = decided(paused(), press(user=OTHER_APPROVER, at=MORNING + 2)).record
    late = decided(twice, press("resume", at=MORNING + 1))
    assert late.record is None


def test_a_press_that_arrives_twice_gets_one_reply():
    """The person got a reply the first time."""
    assert decided(paused(), press()) == decided(paused(), press("resume"))
    assert decided(paused(), press()).note == ""


def test_resume_without_a_pause_gets_a_reply():
    """The record keeps its state."""
    ended = paused().changed("removed", author="x", reason="y", at=MORNING)
    change = decided(ended, press("resume", at=MORNING + 1))
    assert change.record == ended.model_copy(update={"decided_at": MORNING + 1})
    assert change.note == "Spending for use case tickets is not paused."


def test_pause_is_refused_if_owners_toml_does_not_permit_it():
    """The button can be in a message that is older than owners.toml."""
    cap = CapSettings("tickets", "notify", (), (APPROVER,), "live", 7)
    assert "no longer permits" in decided(None, press(), cap=cap).note


@pytest.mark.parametrize(
    ("evidence", "spent"),
    [
        ({}, True),
        ({"reached_percent": 85.0}, False),
        ({"limit_period": "this month", "month": "2026-03"}, True),
        ({"limit_period": "this month", "month": "2026-02"}, False),
    ],
)
def test_a_cap_is_spent_at_100_percent_of_this_period(evidence, spent):
    """A finding of last month stays open until the first scan of this month."""
    assert is_cap_spent(cap_finding(**evidence), today=TODAY) is spent


def test_a_finding_that_no_recent_scan_confirmed_pauses_nothing():
    """A deployment that stopped scanning must not pause because of an old finding."""
    assert is_cap_spent(cap_finding(as_of=date(2026, 3, 7)), today=TODAY)
    assert not is_cap_spent(cap_finding(as_of=date(2026, 3, 6)), today=TODAY)


def test_the_cap_pauses_once_per_cap_and_month():
    """A Resume stays in effect; a higher cap that is spent again, or the next month, pauses again."""
    first = decide_cap(None, cap_finding(), cap=CAP, now=MORNING).record
    assert (first.author, first.state) == ("focuswatch", "requested")
    ended = first.changed("removed", author="anna", reason="Resume", at=MORNING)
    assert decide_cap(ended, cap_finding(), cap=CAP, now=MORNING + 60).record is None
    assert decide_cap(ended, cap_finding(limit_amount=900.0), cap=CAP, now=MORNING + 60).record
    april = datetime(2026, 4, 1, 1, tzinfo=UTC).timestamp()
    assert decide_cap(ended, cap_finding(as_of=date(2026, 4, 1)), cap=CAP, now=april).record


@pytest.mark.parametrize("on_cap", ["ask", "notify", None])
def test_only_on_cap_pause_pauses_by_itself(on_cap):
    """With any other value, an approver decides."""
    cap = CapSettings("tickets", on_cap, ROLES, (APPROVER,), "live", 7)
    assert decide_cap(None, cap_finding(), cap=cap, now=MORNING).record is None


def test_expiry_ends_a_pause_at_its_moment():
    """One second earlier, it is still paused."""
    record = paused()
    assert decide_clock(record, cap=CAP, now=record.expires_at - 1).record is None
    ended = decide_clock(record, cap=CAP, now=record.expires_at).record
    assert (ended.state, ended.author) == ("removing", "focuswatch")
    assert "expired on 2026-03-17 08:00 UTC" in ended.reason


def test_the_button_follows_the_record():
    """It is Resume during a pause and Pause spending otherwise; without permission to pause, there is none."""
    assert spending_control(CAP, None).action == "pause_spending"
    control = spending_control(CAP, paused())
    assert control.action == "resume_spending"
    assert (
        control.status
        == f"Spending for use case {CAP.use_case} is paused until 2026-03-17 08:00 UTC. Paused by anna (U0ANNA)."
    )
    assert spending_control(CapSettings("tickets", "notify", (), (), "live", 7), None) is None
    assert spending_control(CapSettings("tickets", "ask", ROLES, (APPROVER,), "off", 7), None) is None


def test_only_owners_toml_assigns_a_finding_to_a_use_case():
    """The name of a resource can look like a use case."""
    owners = owners_with()
    assert use_case_of_finding(cap_finding(), owners=owners) == "tickets"
    assert use_case_of_finding(finding("use case tickets"), owners=owners) is None
    assert use_case_of_finding(finding("use case other", detection="spend_cap"), owners=owners) is None
