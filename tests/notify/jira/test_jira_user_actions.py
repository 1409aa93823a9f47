"""User actions on Jira issues: a closed issue becomes an exclusion, and a clone is closed as a duplicate."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from focuswatch.findings.finding import Finding
from focuswatch.ledger.suppression import Suppression
from focuswatch.notify.jira.exclude_when_person_closes_issue import EXCLUSION_DAYS
from focuswatch.owners.owners_file import Owners
from tests.given.jira_world import DAY, FINGERPRINT, OWNERS, JiraWorld, a_finding, jira_world, notification
from tests.given.one_line_findings import saving_of


@pytest.fixture(params=["cloud", "data center"])
def world(request, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with jira_world(cloud=request.param == "cloud") as world:
        yield world


def close(world: JiraWorld, *, by: str = "Grace", resolution: str = "Won't Do") -> None:
    world.jira.move(
        world.issues[0].key, "Done" if world.jira.cloud else "Closed", by=by, resolution=resolution
    )


def detected_today(world: JiraWorld) -> dict[str, date]:
    """Return the dates of a finding that a run of today detected again."""
    return {"as_of": world.today, "last_seen": world.today}


def test_closing_by_a_person_becomes_an_exclusion_that_expires(world):
    world.channel.deliver(notification())
    close(world)
    assert world.channel.deliver(notification(1, "changed", **detected_today(world))).endswith(
        "SRCH-1 was closed by a user"
    )
    (suppression,) = world.ledger.suppressions()
    assert suppression == Suppression(
        id=1,
        scope="fingerprint",
        value=FINGERPRINT,
        author="Grace",
        reason="closed SRCH-1 as Won't Do",
        since=world.today,
        until=world.today + timedelta(days=EXCLUSION_DAYS),
        source="jira SRCH-1 1",
    )
    (issue,) = world.issues
    assert issue.done and issue.bodies == [] and world.state.closed_by_person and not world.state.open


def test_closing_suppresses_the_finding_until_the_exclusion_expires(world):
    """The exclusion is in the ledger, so it applies to Slack too."""
    world.channel.deliver(notification())
    close(world)
    world.channel.sweep()
    (suppression,) = world.ledger.suppressions()
    assert suppression.covers(a_finding()) and suppression.is_active_on(
        world.today + timedelta(days=EXCLUSION_DAYS - 1)
    )
    assert not suppression.is_active_on(world.today + timedelta(days=EXCLUSION_DAYS))


def test_closing_adds_one_exclusion(world):
    world.channel.deliver(notification())
    close(world)
    for number in (1, 2, 3):
        world.channel.deliver(notification(number, "changed", **detected_today(world)))
        world.channel.sweep()
        world.pass_days(1)
    assert len(world.ledger.suppressions()) == 1
    world.table.delete_item(Key={"kind": "told in jira", "id": FINGERPRINT})
    world.channel.deliver(notification(3, "changed", age=1000, **detected_today(world)))
    assert len(world.ledger.suppressions()) == 1 and world.issues[0].bodies == []


def test_issue_is_reopened_after_the_exclusion_expired(world):
    world.channel.deliver(notification())
    close(world)
    world.channel.sweep()
    world.pass_days(EXCLUSION_DAYS)
    assert world.channel.deliver(notification(1, "reminder", **detected_today(world))).endswith(
        "SRCH-1 reopened"
    )
    (issue,) = world.issues
    assert not issue.done and "exclusion has ended" in issue.bodies[0]
    assert world.state.open and not world.state.closed_by_person
    close(world, by="Ada", resolution="Declined")
    world.channel.sweep()
    assert [one.author for one in world.ledger.suppressions()] == ["Grace", "Ada"]


def test_old_closing_excludes_nothing(world):
    """The exclusion starts on the day of the closing, so it may have ended when focuswatch reads the closing."""
    world.channel.deliver(notification())
    close(world)
    world.pass_days(EXCLUSION_DAYS)
    assert world.channel.deliver(notification(1, "changed", **detected_today(world))).endswith(
        "SRCH-1 reopened"
    )
    assert world.ledger.suppressions() == []


def test_removed_exclusion_is_not_added_again(world):
    world.channel.deliver(notification())
    close(world)
    world.channel.sweep()
    world.ledger.remove_suppression(1)
    world.channel.deliver(notification(1, "changed", **detected_today(world)))
    assert world.ledger.suppressions() == [] and not world.issues[0].done


def test_closing_by_focuswatch_excludes_nothing(world):
    world.channel.deliver(notification())
    world.channel.deliver(notification(1, "resolved"))
    assert world.channel.sweep().excluded == []
    world.channel.deliver(notification(2, "new"))
    assert world.ledger.suppressions() == [] and not world.issues[0].done


def test_issue_reopened_and_closed_by_a_person_adds_an_exclusion(world):
    world.channel.deliver(notification())
    world.channel.deliver(notification(1, "resolved"))
    world.jira.move("SRCH-1", "To Do" if world.jira.cloud else "Reopened")
    world.pass_days(1)
    close(world)
    world.channel.deliver(notification(2, "new", **detected_today(world)))
    assert len(world.ledger.suppressions()) == 1 and world.issues[0].done


def test_closing_of_a_resolved_finding_excludes_nothing(world):
    """The person fixed it and closed the issue."""
    world.channel.deliver(notification())
    close(world, resolution="Fixed")
    assert world.channel.deliver(notification(1, "resolved", **detected_today(world))) is None
    assert world.ledger.suppressions() == [] and world.issues[0].bodies == []
    world.channel.deliver(notification(2, "new", **detected_today(world)))
    assert world.ledger.suppressions() == [] and not world.issues[0].done


def test_verified_saving_is_commented_on_an_issue_that_a_person_closed(world):
    """The person fixed it; the issue stays as the person left it."""
    world.channel.deliver(notification())
    close(world, resolution="Fixed")
    world.channel.deliver(notification(1, "resolved", **detected_today(world)))
    saving = saving_of(a_finding(), saved="40", on=world.today)
    world.channel.deliver(notification(2, "saving_verified", verified_saving=saving, **detected_today(world)))
    (issue,) = world.issues
    assert issue.done and issue.resolution == "Fixed"
    assert "Verified on the bill: 40.00 USD/day saved" in issue.bodies[-1]


def test_sweep_finds_closings_without_a_notification(world):
    world.channel.deliver(notification())
    world.channel.deliver(notification(fingerprint="b" * 20))
    close(world)
    world.pass_days(1)
    swept = world.channel.sweep()
    assert (swept.excluded, swept.duplicates, swept.failed) == (["SRCH-1"], [], {})
    assert world.channel.sweep().excluded == []
    (suppression,) = world.ledger.suppressions()
    assert suppression.since == world.today - timedelta(days=1), (
        "the exclusion starts on the day of the closing"
    )


def test_sweep_reads_every_page(world):
    world.jira.page = 2
    for one in range(7):
        world.channel.deliver(notification(fingerprint=f"{one:020d}"))
        world.jira.move(f"SRCH-{one + 1}", "Done" if world.jira.cloud else "Closed")
    assert len(world.channel.sweep().excluded) == 7


def test_failed_issue_does_not_stop_the_sweep(world):
    for one in range(2):
        world.channel.deliver(notification(fingerprint=f"{one:020d}"))
        world.jira.move(f"SRCH-{one + 1}", "Done" if world.jira.cloud else "Closed")
    world.jira.fail("500", "GET", "issue/SRCH-1$")
    swept = world.channel.sweep()
    assert swept.excluded == ["SRCH-2"] and "500" in swept.failed["SRCH-1"]
    world.jira.now += 61
    assert world.channel.sweep().excluded == ["SRCH-1"]


def test_clone_is_closed_with_a_comment_that_names_the_original(world):
    world.channel.deliver(notification())
    world.jira.now += DAY
    world.jira.clone("SRCH-1")
    assert world.channel.sweep().duplicates == ["SRCH-2"]
    original, clone = world.jira.issues
    assert not original.done and clone.done
    assert clone.bodies == [
        "This issue is about the same finding as SRCH-1, an older issue that focuswatch keeps up to date. "
        "Therefore focuswatch closes this issue as a duplicate."
    ]
    world.jira.move("SRCH-2", "To Do" if world.jira.cloud else "Reopened")
    assert world.channel.sweep().duplicates == [], "a duplicate that a person reopened stays open"
    world.channel.deliver(notification(1, "changed", monthly_cost=Decimal(4000)))
    assert len(clone.bodies) == 1 and len(original.bodies) == 1


def test_older_of_two_issues_is_kept_after_the_state_was_lost(world):
    world.channel.deliver(notification())
    world.jira.now += 60
    world.jira.clone("SRCH-1")
    world.table.delete_item(Key={"kind": "told in jira", "id": FINGERPRINT})
    world.channel.deliver(notification())
    original, clone = world.jira.issues
    assert world.state.key == "SRCH-1" and clone.done and not original.done


def test_duplicate_is_commented_once(world):
    world.channel.deliver(notification())
    world.jira.now += 60
    world.jira.clone("SRCH-1")
    world.jira.fail("429", "PUT", "issue/[^/]+$", seconds=5)
    assert "429" in world.channel.sweep().failed["SRCH-2"]
    world.jira.now += 60
    assert world.channel.sweep().duplicates == ["SRCH-2"]
    assert len(world.jira.issues[1].bodies) == 1


def test_duplicate_without_write_permission_is_reported_and_blocks_nothing(world):
    world.channel.deliver(notification())
    world.jira.now += 60
    world.jira.clone("SRCH-1")
    world.jira.fail("403", "POST", "issue/SRCH-2/comment", times=2)
    assert "SRCH-2 is a duplicate of SRCH-1" in world.channel.sweep().failed["SRCH-2"]
    world.table.delete_item(Key={"kind": "told in jira", "id": FINGERPRINT})
    world.channel.deliver(notification())
    assert world.state.key == "SRCH-1"


def test_duplicate_is_closed_by_the_transitions_of_its_project(world):
    jira = {**OWNERS["teams"]["search"]["jira"], "done": ["In Progress", "Start Progress"]}
    world.owners = Owners.model_validate({"teams": {"search": {"channel": "#search", "jira": jira}}})
    world.channel.deliver(notification())
    world.jira.now += 60
    world.jira.clone("SRCH-1")
    world.channel.sweep()
    assert world.jira.issues[1].status in ("10001", "3")


def test_closing_without_author_counts_as_a_users_closing(world):
    """The changelog can be truncated or hidden. Closings by focuswatch are in its stored state."""
    world.channel.deliver(notification())
    close(world)
    world.issues[0].histories.clear()
    world.channel.deliver(notification(1, "changed", **detected_today(world)))
    (suppression,) = world.ledger.suppressions()
    assert suppression.author == "Jira"


def test_own_closing_without_author_is_recognized(world):
    world.channel.deliver(notification())
    world.channel.deliver(notification(1, "resolved"))
    world.issues[0].histories.clear()
    world.channel.sweep()
    assert (
        world.channel.deliver(notification(2, "new")).endswith("SRCH-1 reopened")
        and world.ledger.suppressions() == []
    )


def test_days_are_in_utc(world):
    world.jira.now = datetime(2026, 11, 20, 23, 30, tzinfo=UTC).timestamp()
    world.channel.deliver(notification())
    close(world)
    world.channel.sweep()
    assert world.ledger.suppressions()[0].since == date(2026, 11, 20)


def test_exclusion_covers_only_its_finding(world):
    world.channel.deliver(notification())
    close(world)
    world.channel.sweep()
    other: Finding = a_finding(fingerprint="b" * 20)
    assert not world.ledger.suppressions()[0].covers(other)
