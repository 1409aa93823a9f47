"""What people do to an issue is respected: their closing excludes for a time; what they cloned is closed."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from focuswatch.findings.finding import Finding
from focuswatch.ledger.ledger_entry import Suppression
from focuswatch.notify.jira.closed_by_user import EXCLUSION_DAYS
from focuswatch.owners.owners_file import Owners
from tests.given.jira import DAY, FINGERPRINT, OWNERS, a_finding, given, news
from tests.given.jira import Given as There


@pytest.fixture(params=["cloud", "data center"])
def there(request, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with given(cloud=request.param == "cloud") as there:
        yield there


def close(there: There, *, by: str = "Grace", resolution: str = "Won't Do") -> None:
    there.jira.move(
        there.issues[0].key, "Done" if there.jira.cloud else "Closed", by=by, resolution=resolution
    )


def today(there: There) -> dict[str, date]:
    """A run of that day found it again."""
    return {"as_of": there.today, "last_seen": there.today}


def test_a_persons_closing_is_an_exclusion_with_their_name_and_reason_that_runs_out(there):
    there.channel.tell(news())
    close(there)
    assert there.channel.tell(news(1, "changed", **today(there))).endswith("SRCH-1 was closed by a person")
    (silence,) = there.ledger.suppressions()
    assert silence == Suppression(
        id=1,
        scope="fingerprint",
        value=FINGERPRINT,
        author="Grace",
        reason="closed in SRCH-1 as Won't Do",
        since=there.today,
        until=there.today + timedelta(days=EXCLUSION_DAYS),
        source="jira SRCH-1 1",
    )
    (issue,) = there.issues
    assert issue.done and issue.bodies == [] and there.state.closed_by_human and not there.state.open


def test_the_ledger_tells_nothing_of_it_meanwhile(there):
    """The exclusion is the ledger's own: no Slack message either."""
    there.channel.tell(news())
    close(there)
    there.channel.sweep()
    (silence,) = there.ledger.suppressions()
    assert silence.covers(a_finding()) and silence.is_active_on(
        there.today + timedelta(days=EXCLUSION_DAYS - 1)
    )
    assert not silence.is_active_on(there.today + timedelta(days=EXCLUSION_DAYS))


def test_the_same_closing_seen_again_excludes_once(there):
    there.channel.tell(news())
    close(there)
    for number in (1, 2, 3):
        there.channel.tell(news(number, "changed", **today(there)))
        there.channel.sweep()
        there.pass_days(1)
    assert len(there.ledger.suppressions()) == 1
    there.table.delete_item(Key={"kind": "told in jira", "id": FINGERPRINT})
    there.channel.tell(news(3, "changed", age=1000, **today(there)))
    assert len(there.ledger.suppressions()) == 1 and there.issues[0].bodies == []


def test_when_the_exclusion_has_run_out_the_issue_is_opened_again(there):
    there.channel.tell(news())
    close(there)
    there.channel.sweep()
    there.pass_days(EXCLUSION_DAYS)
    assert there.channel.tell(news(1, "reminder", **today(there))).endswith("SRCH-1 reopened")
    (issue,) = there.issues
    assert not issue.done and "the time for which it was excluded is over" in issue.bodies[0]
    assert there.state.open and not there.state.closed_by_human
    close(there, by="Ada", resolution="Declined")
    there.channel.sweep()
    assert [one.author for one in there.ledger.suppressions()] == ["Grace", "Ada"]


def test_a_closing_of_long_ago_excludes_nothing_any_more(there):
    """It counts from the day of the closing, whenever it is seen."""
    there.channel.tell(news())
    close(there)
    there.pass_days(EXCLUSION_DAYS)
    assert there.channel.tell(news(1, "changed", **today(there))).endswith("SRCH-1 reopened")
    assert there.ledger.suppressions() == []


def test_an_exclusion_that_somebody_took_back_does_not_come_again(there):
    there.channel.tell(news())
    close(there)
    there.channel.sweep()
    there.ledger.remove_suppression(1)
    there.channel.tell(news(1, "changed", **today(there)))
    assert there.ledger.suppressions() == [] and not there.issues[0].done


def test_our_own_closing_excludes_nothing(there):
    there.channel.tell(news())
    there.channel.tell(news(1, "resolved"))
    assert there.channel.sweep().excluded == []
    there.channel.tell(news(2, "new"))
    assert there.ledger.suppressions() == [] and not there.issues[0].done


def test_what_a_person_opened_again_and_closed_is_theirs(there):
    there.channel.tell(news())
    there.channel.tell(news(1, "resolved"))
    there.jira.move("SRCH-1", "To Do" if there.jira.cloud else "Reopened")
    there.pass_days(1)
    close(there)
    there.channel.tell(news(2, "new", **today(there)))
    assert len(there.ledger.suppressions()) == 1 and there.issues[0].done


def test_whoever_closed_what_is_really_gone_is_not_silenced_when_it_comes_back(there):
    """They mended it and closed it: there is nothing to exclude."""
    there.channel.tell(news())
    close(there, resolution="Fixed")
    assert there.channel.tell(news(1, "resolved", **today(there))) is None
    assert there.ledger.suppressions() == [] and there.issues[0].bodies == []
    there.channel.tell(news(2, "new", **today(there)))
    assert there.ledger.suppressions() == [] and not there.issues[0].done


def test_the_sweep_sees_closings_that_no_news_would_show(there):
    there.channel.tell(news())
    there.channel.tell(news(fingerprint="b" * 20))
    close(there)
    there.pass_days(1)
    swept = there.channel.sweep()
    assert (swept.excluded, swept.doubles, swept.failed) == (["SRCH-1"], [], {})
    assert there.channel.sweep().excluded == []
    (silence,) = there.ledger.suppressions()
    assert silence.since == there.today - timedelta(days=1), "it counts from the day of the closing"


def test_the_sweep_reads_every_page(there):
    there.jira.page = 2
    for one in range(7):
        there.channel.tell(news(fingerprint=f"{one:020d}"))
        there.jira.move(f"SRCH-{one + 1}", "Done" if there.jira.cloud else "Closed")
    assert len(there.channel.sweep().excluded) == 7


def test_one_issue_that_fails_stops_no_other_in_a_sweep(there):
    for one in range(2):
        there.channel.tell(news(fingerprint=f"{one:020d}"))
        there.jira.move(f"SRCH-{one + 1}", "Done" if there.jira.cloud else "Closed")
    there.jira.fail("500", "GET", "issue/SRCH-1$")
    swept = there.channel.sweep()
    assert swept.excluded == ["SRCH-2"] and "500" in swept.failed["SRCH-1"]
    there.jira.now += 61
    assert there.channel.sweep().excluded == ["SRCH-1"]


def test_a_clone_is_closed_with_a_comment_that_names_the_original(there):
    there.channel.tell(news())
    there.jira.now += DAY
    there.jira.clone("SRCH-1")
    assert there.channel.sweep().doubles == ["SRCH-2"]
    original, clone = there.jira.issues
    assert not original.done and clone.done
    assert clone.bodies == ["This is about the same finding as SRCH-1, which is older and is kept up to date. "
                            "It is closed as a double."]  # fmt: skip
    there.jira.move("SRCH-2", "To Do" if there.jira.cloud else "Reopened")
    assert there.channel.sweep().doubles == [], "who opens it again has it for themselves"
    there.channel.tell(news(1, "changed", monthly_cost=Decimal(4000)))
    assert len(clone.bodies) == 1 and len(original.bodies) == 1


def test_of_two_issues_found_for_a_lost_row_the_older_is_the_one(there):
    there.channel.tell(news())
    there.jira.now += 60
    there.jira.clone("SRCH-1")
    there.table.delete_item(Key={"kind": "told in jira", "id": FINGERPRINT})
    there.channel.tell(news())
    original, clone = there.jira.issues
    assert there.state.key == "SRCH-1" and clone.done and not original.done


def test_a_double_is_commented_once_however_often_it_takes_to_close_it(there):
    there.channel.tell(news())
    there.jira.now += 60
    there.jira.clone("SRCH-1")
    there.jira.fail("429", "PUT", "issue/[^/]+$", seconds=5)
    assert "429" in there.channel.sweep().failed["SRCH-2"]
    there.jira.now += 60
    assert there.channel.sweep().doubles == ["SRCH-2"]
    assert len(there.jira.issues[1].bodies) == 1


def test_a_double_that_may_not_be_written_to_is_said_and_stops_nothing(there):
    there.channel.tell(news())
    there.jira.now += 60
    there.jira.clone("SRCH-1")
    there.jira.fail("403", "POST", "issue/SRCH-2/comment", times=2)
    assert "SRCH-2 is a double of SRCH-1" in there.channel.sweep().failed["SRCH-2"]
    there.table.delete_item(Key={"kind": "told in jira", "id": FINGERPRINT})
    there.channel.tell(news())
    assert there.state.key == "SRCH-1"


def test_a_double_is_closed_by_the_transitions_of_its_project(there):
    jira = {**OWNERS["teams"]["search"]["jira"], "done": ["In Progress", "Start Progress"]}
    there.owners = Owners.model_validate({"teams": {"search": {"channel": "#search", "jira": jira}}})
    there.channel.tell(news())
    there.jira.now += 60
    there.jira.clone("SRCH-1")
    there.channel.sweep()
    assert there.jira.issues[1].status in ("10001", "3")


def test_a_closing_of_which_jira_does_not_say_who_did_it_is_a_persons(there):
    """The changelog may be cut or hidden; what we closed ourselves is written down."""
    there.channel.tell(news())
    close(there)
    there.issues[0].histories.clear()
    there.channel.tell(news(1, "changed", **today(there)))
    (silence,) = there.ledger.suppressions()
    assert silence.author == "Jira"


def test_our_own_closing_is_known_also_where_jira_does_not_say_whose_it_was(there):
    there.channel.tell(news())
    there.channel.tell(news(1, "resolved"))
    there.issues[0].histories.clear()
    there.channel.sweep()
    assert (
        there.channel.tell(news(2, "new")).endswith("SRCH-1 reopened") and there.ledger.suppressions() == []
    )


def test_days_are_counted_in_utc(there):
    there.jira.now = datetime(2026, 11, 20, 23, 30, tzinfo=UTC).timestamp()
    there.channel.tell(news())
    close(there)
    there.channel.sweep()
    assert there.ledger.suppressions()[0].since == date(2026, 11, 20)


def test_a_finding_is_what_is_silenced_and_no_other(there):
    there.channel.tell(news())
    close(there)
    there.channel.sweep()
    other: Finding = a_finding(fingerprint="b" * 20)
    assert not there.ledger.suppressions()[0].covers(other)
