"""The review of a launch that ended: the report, and its line in one weekly summary."""

from datetime import date, timedelta

import pytest

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables
from focuswatch.bill import create_owner_and_computed_local_tables
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.ended_launch_reviews import (
    LaunchReview,
    launches_ended_this_week,
    reviews_summary,
)
from focuswatch.reports.weekly_digest import MOST_LINES, weeks
from tests.reports.test_reports import AS_OF, CATALOG, CHARGE, report
from tests.reports.test_weekly_digest import OWNERS as TEAMS
from tests.reports.test_weekly_digest import row

FIRST, LAST = date(2026, 3, 2), date(2026, 3, 22)


def owners(*, factor: float = 5, last: date = LAST, **options) -> Owners:
    launch = {"first_day": FIRST, "last_day": last, "factor": factor}
    section = {"intent": "production", "rows": {"tags": {"use_case": ["guide"]}}, "launches": [launch]}
    return Owners.model_validate({"use_cases": {"guide": section | options}})


def charges(
    *, before: float = 10.0, during: float = 30.0, after: float = 12.0, last: date = LAST
) -> list[dict]:
    """Return one charge a day from January on; the launch peaks on its last day, a third above its other days."""
    rows = []
    for back in range(1, 80):
        day = AS_OF - timedelta(days=back)
        cost = before if day < FIRST else during if day < last else during * 4 / 3 if day == last else after
        rows.append({"charge_date": day, "EffectiveCost": cost, "Tags": {"use_case": "guide"}})
    return rows


def engine_of(charges: list[dict], *, owners: Owners) -> DuckDbEngine:
    """Return an engine with the catalog's tables over these charges."""
    connection = connect()
    case = Case(name="given charges", kind="quiet", charges=charges)
    create_input_tables(connection, case, file=CaseFile.model_construct(charge=CHARGE, activity_row={}))
    create_owner_and_computed_local_tables.load_owners(connection, owners.tables)
    create_owner_and_computed_local_tables.create_views(connection, CATALOG, values={"as_of": AS_OF})
    return DuckDbEngine(connection)


def review(*args, **options):
    (one,) = report("launch_review", *args, **options)
    return one


def test_actual_factor_is_the_peak_over_the_four_weeks_before():
    """The review also has the average factor and the daily cost of the settled days after the launch."""
    one = review(charges(), owners=owners())
    assert (one["use_case"], one["first_day"], one["last_day"]) == ("guide", FIRST, LAST)
    assert one["baseline_daily_cost"] == pytest.approx(10.0)
    assert (one["planned_factor"], one["actual_factor"]) == (5.0, pytest.approx(4.0))
    assert one["average_factor"] == pytest.approx((20 * 30 + 40) / 21 / 10)
    assert one["launch_cost"] == pytest.approx(20 * 30 + 40)
    assert one["daily_cost_after"] == pytest.approx(12.0)
    assert one["verdict"] == "within the plan"


def test_verdict_names_a_launch_above_its_planned_factor():
    """A launch exactly at its factor is within the plan."""
    assert review(charges(), owners=owners(factor=4))["verdict"] == "within the plan"
    assert review(charges(), owners=owners(factor=3.9))["verdict"] == "above the planned factor"


def test_launch_without_cost_before_or_without_any_has_no_factor():
    new = review(charges(before=0.0), owners=owners())
    assert (new["actual_factor"], new["verdict"]) == (None, "no cost before the launch to compare with")
    unused = review(charges(during=0.0), owners=owners())
    assert unused["verdict"] == "no cost during the launch"


def test_unit_cost_of_the_launch_is_compared_with_the_previous_and_the_accepted_one():
    activity = [
        {
            "activity_date": AS_OF - timedelta(days=back),
            "namespace": "business",
            "resource_id": "guide",
            "metric": "answer",
            "value": 100.0,
        }
        for back in range(1, 80)
    ]
    planned = owners(unit="answer", accepted_unit_cost="0.25")
    one = review(charges(), activity=activity, owners=planned)
    assert one["unit_cost_before"] == pytest.approx(0.1)
    assert one["unit_cost"] == pytest.approx((20 * 30 + 40) / 2100)
    assert one["verdict"] == "unit cost above the accepted cost"


def test_only_usage_of_the_use_case_counts():
    other = [
        {"charge_date": LAST, "EffectiveCost": 900.0, "Tags": {"use_case": "search"}},
        {"charge_date": LAST, "EffectiveCost": 900.0, "Tags": {"use_case": "guide"}, "ChargeCategory": "Tax"},
        {
            "charge_date": LAST,
            "EffectiveCost": -900.0,
            "Tags": {"use_case": "guide"},
            "ChargeCategory": "Credit",
        },
    ]
    assert review([*charges(), *other], owners=owners())["actual_factor"] == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("last", "listed", "this_week"),
    [
        (AS_OF - timedelta(days=2), False, False),  # its last day is not settled
        (AS_OF - timedelta(days=3), True, True),
        (AS_OF - timedelta(days=9), True, True),
        (AS_OF - timedelta(days=10), True, False),  # the week before
    ],
)
def test_launch_is_listed_as_ended_only_in_its_last_week(last, listed, this_week):
    rows = report("launch_review", charges(last=last), owners=owners(last=last))
    assert [row["ended_this_week"] for row in rows] == ([this_week] if listed else [])


def test_summary_of_the_week_reads_the_review_from_the_bill():
    """It has the report's numbers and appears in the week in which the launch ended."""
    launch_owners, last = owners(last=AS_OF - timedelta(days=5)), AS_OF - timedelta(days=5)
    engine = engine_of(charges(last=last), owners=launch_owners)
    (one,) = launches_ended_this_week(engine, catalog=CATALOG, owners=launch_owners, as_of=AS_OF)
    assert (one.use_case, one.last_day, one.planned_factor) == ("guide", last, 5.0)
    assert one.actual_factor == pytest.approx(4.0)


def test_every_launch_is_in_exactly_one_weekly_summary():
    """Summaries run a week apart; the rule holds for every last day."""
    mondays = [AS_OF + timedelta(days=7 * week) for week in range(4)]
    for back in range(14):
        last = AS_OF + timedelta(days=back)
        in_weeks = [monday for monday in mondays if _queried(monday, owners(last=last))]
        assert len(in_weeks) == 1, last


def _queried(as_of: date, launch_owners: Owners) -> bool:
    """Return whether the summary of a day queries the report."""

    class Recorder:
        queried = False

        def query(self, *_args, **_options):
            self.queried = True
            return []

    engine = Recorder()
    launches_ended_this_week(engine, catalog=CATALOG, owners=launch_owners, as_of=as_of)
    return engine.queried


def launch_review(**fields) -> LaunchReview:
    defaults = {
        "use_case": "guide", "team": "search", "last_day": LAST, "planned_factor": 5.0, "actual_factor": 4.2,
        "average_factor": 3.1, "verdict": "within the plan", "launch_cost": 640.0,
    }  # fmt: skip
    return LaunchReview(**(defaults | fields))


def test_review_is_one_sentence_with_plan_and_actual():
    assert launch_review().sentence("USD") == (
        "Launch guide ended on 2026-03-22: within the plan, 4.2 times the baseline on the most expensive day "
        "(planned: up to 5), 3.1 on average; 640 USD in total"
    )
    with_unit = launch_review(unit="answer", unit_cost=0.3, unit_cost_before=0.1, accepted_unit_cost=0.25)
    assert with_unit.sentence("USD").endswith("; 0.30 USD per answer (before: 0.10, accepted: 0.25)")
    new = launch_review(
        actual_factor=None, average_factor=None, verdict="no cost before the launch to compare with"
    )
    assert (
        "no cost before the launch to compare with (planned: up to 5 times the baseline); 640"
        in new.sentence("USD")
    )


def test_summary_names_the_most_expensive_launch_and_counts_the_others():
    line = reviews_summary(
        [launch_review(), launch_review(use_case="chat", launch_cost=900.0)], currency="USD"
    )
    assert line.startswith("Launch chat ended") and line.endswith(
        ". To see all 2 launches, run focuswatch report launch_review"
    )
    assert reviews_summary([], currency="USD") is None


def test_weekly_summary_of_the_team_and_of_the_organization_has_the_review():
    """Another team's summary does not have it, and each summary still has at most ten lines."""
    rows = [row(service=f"service {number}", now=900.0 + number) for number in range(5)]
    rows.append(row(team="fraud"))
    summaries = weeks(
        rows, [], owners=TEAMS, as_of=date(2026, 4, 11), currency="USD", reviews=[launch_review()]
    )
    lines = {week.team: week.lines for week in summaries}
    assert lines[None][-1] == lines["search"][-1] == launch_review().sentence("USD")
    assert not any("Launch guide" in line for line in lines["fraud"])
    assert all(1 + len(listed) <= MOST_LINES for listed in lines.values())
