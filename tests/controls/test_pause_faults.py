"""A small run of benchmarks/pause_faults.py: no fault pauses a role without a record or resumes one by mistake."""

import pytest

from benchmarks.pause_faults import (
    FAULTS,
    STORIES,
    killed_everywhere,
    lived,
    lost,
    outcome,
    raced_everywhere,
)
from focuswatch.controls.announce_pause import headline
from focuswatch.controls.apply_button_press import apply_button_press
from focuswatch.controls.carry_out_use_case_pauses import CLAIMS
from focuswatch.errors import Refused, TryLater
from focuswatch.notify.delivery_claims_and_state import LEASE_SECONDS
from infra.spending_controls_stack import TIMEOUT
from tests.fakes.pause_world import MORNING, ROLES, USE_CASE, PauseWorld, owners_with


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("fault", FAULTS)
def test_roles_follow_the_last_decision_under_faults(fault, story):
    """Presses arrive twice and in any order, and calls fail after they took effect."""
    for seed in (11, 12, 13):
        assert outcome(lived(STORIES[story], FAULTS[fault], seed=seed)) == []


@pytest.mark.parametrize("story", STORIES)
def test_a_run_killed_between_any_two_steps_is_completed_by_the_next(story):
    """The kill is before or after every call to the table and to IAM."""
    cell = killed_everywhere(STORIES[story], seed=1)
    assert cell.worlds > 50
    assert cell.wrongs == []


def test_a_press_is_carried_out_and_announced_without_a_retry():
    """A retry would announce the pause half a minute later."""
    world = PauseWorld()
    for verb, number in (("pause", 1), ("resume", 2)):
        assert apply_button_press(world.press(verb), caps=world.caps()).changed
        assert (world.stored().number, world.stored().announced) == (number, number)


def test_pause_and_resume_that_race_end_as_resumed():
    """Resume is pressed later, at any step of the run that pauses."""
    cell = raced_everywhere(seed=1)
    assert cell.worlds > 20
    assert cell.wrongs == []


def test_a_lost_record_is_reported_and_resumes_nothing():
    """The role keeps the policy until an approver presses Resume, which is recorded first."""
    assert lost(seed=1).wrongs == []


def test_a_claim_outlasts_every_run_of_the_function():
    """Otherwise a run that was frozen could change a role after the next run started."""
    assert TIMEOUT.to_seconds() < LEASE_SECONDS


def test_the_audit_counts_a_pause_without_a_record_and_a_mistaken_resume():
    """This tests the audit itself."""
    world = PauseWorld()
    world.roles.attach(ROLES[0])
    assert len(world.wrongs(expected=True)) == 2
    world.roles.detach(ROLES[0])
    assert len(world.wrongs(expected=False)) == 2


def test_a_policy_removed_by_hand_is_never_attached_again():
    """The record keeps only the other roles, and the cap does not pause the removed ones again this month."""
    world = PauseWorld(owners=owners_with("pause"))
    world.review()
    world.paused.discard(ROLES[0])
    world.now += 3600
    world.review()
    record = world.stored()
    assert (world.paused, record.roles) == ({ROLES[1]}, (ROLES[1],))
    assert (record.author, record.history[-1].author) == ("focuswatch", "someone outside focuswatch")
    assert headline(record).endswith(
        f"Paused by focuswatch. Last change: someone outside focuswatch removed the deny policy from {ROLES[0]}."
    )
    world.paused.clear()
    world.now += 3600
    world.review()
    world.review()
    assert (world.paused, world.stored().state) == (set(), "removed")
    assert world.stored().author == "someone outside focuswatch"


def test_a_role_whose_policy_iam_does_not_show_yet_counts_as_paused():
    """IAM is eventually consistent: for some minutes, a missing policy says nothing."""
    world = PauseWorld()
    world.press("pause")
    world.deliver()
    world.roles.paused = set()
    world.review()
    assert world.stored().state == "applied"


def test_a_policy_without_any_record_is_reported_and_left():
    """AWS Budgets or a person may have attached it."""
    world = PauseWorld()
    world.paused.add(ROLES[1])
    assert world.review().unrecorded == [ROLES[1]]
    assert world.paused == {ROLES[1]}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"mode": "off"}, "kill_switch is set in deployment.toml"),
        ({"mode": "dry run"}, "dry_run was changed in deployment.toml before the pause was applied"),
        ({"now": MORNING + 8 * 86_400}, "the pause expired before it was applied"),
    ],
)
def test_a_pause_that_may_no_longer_be_applied_ends_with_its_reason(change, reason):
    """An interrupted run left it requested."""
    world = PauseWorld()
    world.press("pause")

    def outage(_moment):
        raise TryLater("IAM", seconds=1)

    world.roles.outage = outage
    with pytest.raises(TryLater):
        apply_button_press(world.queue[0], caps=world.caps())
    assert world.stored().state == "requested"
    world.roles.outage = lambda _moment: None
    world.now += LEASE_SECONDS
    for name, value in change.items():
        setattr(world, name, value)
    world.review()
    record = world.stored()
    assert (record.state, record.author, record.reason) == ("removed", "focuswatch", reason)
    assert record.was_never_applied and world.paused == set()


def test_a_role_that_cannot_be_read_again_fails_alone():
    """A failure of the second reading of a role must not discard the result of the review."""
    world = PauseWorld()
    world.paused.update(ROLES)
    reads = []

    def outage(moment):
        reads.append(moment)
        if len(reads) == len(ROLES) + 1:
            raise TryLater("IAM", seconds=1)

    world.roles.outage = outage
    review = world.caps().review()
    assert (review.unrecorded, set(review.failed)) == ([ROLES[1]], {ROLES[0]})


def test_a_role_that_cannot_be_paused_is_named_and_the_others_are_paused():
    """A role that was deleted, for example."""
    world = PauseWorld()
    world.roles.refused = {ROLES[0]}
    world.press("pause")
    world.deliver()
    record = world.stored()
    assert (record.state, record.roles, set(record.failed)) == ("applied", (ROLES[1],), {ROLES[0]})
    assert world.paused == {ROLES[1]}


def test_a_role_that_cannot_be_resumed_keeps_its_record():
    """A record in state "removed" for a paused role would be wrong."""
    world = PauseWorld()
    world.press("pause")
    world.deliver()
    world.roles.refused = {ROLES[0]}
    response = world.press("resume")
    with pytest.raises(Refused):
        apply_button_press(response, caps=world.caps())
    assert world.stored().state == "removing"
    world.roles.refused = set()
    world.now += 1
    world.deliver()
    assert world.wrongs(expected=False) == []


def test_a_dry_run_records_and_announces_but_changes_no_role():
    """It does not count as a pause after the mode becomes live."""
    world = PauseWorld(mode="dry run")
    world.press("pause")
    world.deliver()
    assert (world.paused, world.stored().state, world.stored().dry_run) == (set(), "applied", True)
    assert world.announced == ["1 applied"]
    world.mode = "live"
    world.review()
    assert world.paused == set()
    world.press("pause")
    world.deliver()
    assert world.paused == set(ROLES)


def test_a_live_pause_outlives_a_change_to_dry_run_and_can_be_resumed():
    """Its record is not replaced by one that changes no role."""
    world = PauseWorld()
    world.press("pause")
    world.deliver()
    world.mode = "dry run"
    world.press("pause")
    world.deliver()
    assert not world.stored().dry_run
    world.press("resume")
    world.deliver()
    assert world.wrongs(expected=False) == []


def test_the_kill_switch_ends_pauses_and_starts_none():
    """Pauses end at the next review; a press gets a reply."""
    world = PauseWorld(owners=owners_with("pause"))
    world.review()
    world.mode = "off"
    world.now += 60
    world.review()
    world.now += 1
    world.press("pause")
    world.deliver()
    assert world.wrongs(expected=False) == []
    assert "kill_switch" in world.notes[-1]


def test_a_use_case_that_left_owners_toml_is_resumed_at_its_expiry():
    """The record of its pause names the roles."""
    world = PauseWorld()
    world.press("pause")
    world.deliver()
    world.owners = owners_with("notify", roles=[], approvers=[])
    world.now += 8 * 86_400
    world.review()
    assert world.wrongs(expected=False) == []


def test_records_are_listed_by_use_case():
    """A claim without a record is not listed."""
    world = PauseWorld()
    world.table.put_item(Item={"kind": f"told in {CLAIMS}", "id": "other", "token": "x"})
    world.press("pause")
    world.deliver()
    assert [one.use_case for one in world.caps().pauses.records()] == [USE_CASE]
