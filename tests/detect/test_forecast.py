"""Forecasts of the month-end cost: continuing usage, one-time fees, ended usage, and the prediction interval."""

import tomllib
from datetime import date, timedelta

import numpy as np
import pytest

from focuswatch.detect.forecast.fit_and_project_daily_costs import project_costs, week_of
from focuswatch.detect.forecast.forecasts_and_budgets_by_group import (
    GroupForecast,
    budget_status_text,
    ordinal,
)
from focuswatch.detect.forecast.month_end_forecast import MonthEnd, ended_leaves, month_ends, next_month
from focuswatch.detect.forecast.usage_and_fee_matrices import ChargeMatrices, charge_matrices
from focuswatch.owners.owners_file import Owners
from tests.reports.test_reports import report

FIRST = date(2026, 1, 1)  # a Thursday
WEEK = np.array([1.3, 1.3, 1.3, 1.3, 1.3, 0.25, 0.25])


def costs(days, *, level=100.0, growth=0.0, week=WEEK, noise=0.0, seed=0):
    """Return the daily costs of one series from FIRST on."""
    day = np.arange(days)
    shape = level * (1 + growth) ** day * week[(FIRST.weekday() + day) % 7]
    return shape * np.exp(np.random.default_rng(seed).normal(0, noise, days)) if noise else shape


def charges(*series, fees=None, settled=None):
    """Return the charge matrices of one team; each series is one service with its daily costs."""
    table = np.array(series, float)
    zeros = np.zeros_like(table)
    return ChargeMatrices(
        [("team", None, str(number), "service") for number in range(len(table))],
        FIRST,
        settled or table.shape[1],
        np.where(table.cumsum(axis=1) > 0, table, np.nan),
        zeros if fees is None else np.array(fees, float),
    )


def test_weekly_pattern_continues():
    """Workdays and weekends are each forecast at their own level."""
    projection = project_costs(costs(84)[None], first_weekday=FIRST.weekday(), days=14)
    assert projection.means[0] == pytest.approx(costs(98)[84:], rel=0.03)
    assert projection.errors[0, -1] < 0.02 * projection.means.sum()


def test_steady_growth_continues():
    """With growth of 0.5 % a day over three months, the next weeks cost more than the last ones."""
    history = costs(90, growth=0.005, noise=0.03)
    projection = project_costs(history[None], first_weekday=FIRST.weekday(), days=20).means.sum()
    assert projection == pytest.approx(costs(110, growth=0.005)[90:].sum(), rel=0.04)
    assert projection > 1.05 * history[-20:].sum()


def test_new_level_is_forecast_after_two_weeks():
    """If the cost doubled two weeks ago, the next weeks are forecast at twice the earlier cost."""
    history = np.concatenate((costs(84, noise=0.05), 2 * costs(98, noise=0.05)[84:]))
    projection = project_costs(history[None], first_weekday=FIRST.weekday(), days=14).means.sum()
    assert projection == pytest.approx(2 * costs(112)[98:].sum(), rel=0.1)


def test_one_anomalous_day_changes_the_forecast_little():
    """A spike of ten times the daily cost yesterday is not expected in the next weeks."""
    history = costs(84, noise=0.03, week=np.ones(7))
    history[-1] *= 10
    projection = project_costs(history[None], first_weekday=FIRST.weekday(), days=14).means.sum()
    assert projection == pytest.approx(1400, rel=0.2)


def test_forecast_of_a_series_does_not_depend_on_the_other_series():
    """The forecast is the same for a series alone, among others, and in another currency unit."""
    table = np.array([costs(90, noise=0.1, seed=seed) for seed in range(4)])
    alone = project_costs(table[2:3], first_weekday=3, days=10).means[0]
    assert project_costs(table, first_weekday=3, days=10).means[2] == pytest.approx(alone)
    assert project_costs(1e6 * table[2:3], first_weekday=3, days=10).means[0] == pytest.approx(1e6 * alone)


def test_series_without_cost_is_forecast_as_zero():
    """There is no division by zero, no warning and no negative forecast, also for days with credits."""
    for series in (np.zeros((1, 60)), np.full((1, 60), np.nan), -np.ones((1, 60)), np.zeros((1, 1))):
        with np.errstate(all="raise"):
            projection = project_costs(series, first_weekday=0, days=5)
        assert projection.means.tolist() == [[0.0] * 5]


def test_interval_contains_its_nominal_share():
    """The 80 % interval contains the actual cost of 75 to 85 % of 2,000 series with a random-walk level."""
    rng = np.random.default_rng(3)
    level = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, (2000, 120)), axis=1))
    table = level * np.exp(rng.normal(0, 0.1, level.shape)) * WEEK[(np.arange(120) + 3) % 7]
    bill_charges = charges(*table)
    # The bill's 106 days end on 16 April.
    cut = ChargeMatrices(
        bill_charges.keys, FIRST, 106, bill_charges.used[:, :106], bill_charges.fees[:, :106]
    )
    ends = month_ends(cut, [[number] for number in range(2000)], month=date(2026, 4, 1))
    actual = table[:, 90:120].sum(axis=1)
    held = np.mean([end.low <= one <= end.high for end, one in zip(ends, actual, strict=True)])
    assert held == pytest.approx(0.8, abs=0.05)


def test_a_weekday_without_cost_has_no_factor():
    """A series with charges on workdays only. Five days are too few for weekday factors."""
    work = np.array([1.0, 1, 1, 1, 1, 0, 0])
    weekdays = (FIRST.weekday() + np.arange(70)) % 7
    factors = week_of(costs(70, week=work)[None], weekdays)[0]
    assert factors == pytest.approx(work * 7 / 5, abs=1e-3)
    assert week_of(np.ones((1, 5)), weekdays[:5])[0] == pytest.approx(np.ones(7))


@pytest.mark.parametrize(
    ("days_without_cost", "interval_days", "is_ended"),
    [(4, 1, True), (3, 1, False), (6, 7, False), (7, 7, True), (29, 30, False)],
)
def test_series_without_cost_for_longer_than_before_has_ended(days_without_cost, interval_days, is_ended):
    """A weekly job that ran six days ago continues; a daily job without cost for four days has ended."""
    series = np.where(np.arange(90) % interval_days == 0, 10.0, 0.0)
    last = np.flatnonzero(series)[-1]
    table = np.concatenate((series[: last + 1], np.zeros(days_without_cost)))
    assert ended_leaves(charges(table)).tolist() == [is_ended]


def test_ended_usage_counts_as_spent_and_is_not_forecast():
    """Two services at 10 a day, of which one ended after 9 March: 310 and 90."""
    ended_costs = np.where(np.arange(78) < 68, 10.0, 0.0)
    (end,) = month_ends(charges(np.full(78, 10.0), ended_costs), [[0, 1]], month=date(2026, 3, 1))
    assert (end.spent, end.forecast) == pytest.approx((190 + 90, 310 + 90))


def test_expected_monthly_fee_is_the_smaller_of_the_last_two():
    """Fees of 50 and then 40 on the 25th: 40 is forecast. A fee that was charged once is not expected again."""
    fees = np.zeros((1, 78))
    fees[0, [24, 55]] = 50.0, 40.0  # 25 January, 25 February
    (end,) = month_ends(charges(np.full(78, 10.0), fees=fees), [[0]], month=date(2026, 3, 1))
    assert end.forecast == pytest.approx(350)
    fees[0, 24] = 0.0
    (end,) = month_ends(charges(np.full(78, 10.0), fees=fees), [[0]], month=date(2026, 3, 1))
    assert end.forecast == pytest.approx(310)


def test_unsettled_days_count_with_their_current_cost():
    """A forecast day costs 10. An unsettled day with 50 counts as 50; one with 2 still counts as 10."""
    table = np.full(80, 10.0)
    table[78:] = 50.0, 2.0
    (end,) = month_ends(charges(table, settled=78), [[0]], month=date(2026, 3, 1))
    assert (end.spent, end.forecast) == pytest.approx((190, 310 + 40))


def test_forecast_of_a_past_month_is_its_cost():
    """No days are left to forecast, so the interval is the actual cost."""
    (end,) = month_ends(charges(np.full(95, 10.0)), [[0]], month=date(2026, 3, 1))
    assert (end.spent, end.forecast, end.low, end.high, end.days_left) == (310, 310, 310, 310, 0)


def test_late_bill_has_a_forecast_of_a_month_without_charges():
    """The bill ends on 25 February; March is forecast as 31 days at the same cost."""
    (end,) = month_ends(charges(np.full(56, 10.0)), [[0]], month=date(2026, 3, 1))
    assert (end.spent, end.forecast, end.days_left) == (0, pytest.approx(310), 31)


def test_monthly_usage_becomes_a_fee_and_daily_fees_become_usage():
    """Usage charged on the first day for the whole month does not repeat daily; a fee charged every day does."""
    days = [FIRST + timedelta(days=day) for day in range(75)]
    rows = [(day, 400.0 if day.day == 1 else 10.0, 5.0) for day in days]
    table_charges = charge_matrices(
        {
            **{name: np.array(["x"] * 75, object) for name in ("team", "sub_account_id", "service_name")},
            "use_case": np.ma.masked_all(75, object),
            "charge_date": np.array([day for day, _, _ in rows], "datetime64[D]"),
            "is_settled": np.array([day < date(2026, 3, 15) for day in days]),
            "usage_cost": np.array([used for _, used, _ in rows]),
            "fee_cost": np.array([fee for _, _, fee in rows]),
        }
    )
    assert table_charges.keys == [("x", None, "x", "x")]
    assert table_charges.settled_until == date(2026, 3, 15)
    assert table_charges.used[0].tolist() == [15.0] * 75
    assert np.flatnonzero(table_charges.fees[0]).tolist() == [0, 31, 59]
    assert table_charges.fees[0, 31] == 390


@pytest.mark.parametrize(
    ("budget", "spent", "high", "expected_text"),
    [
        (
            2900,
            1800,
            3200,
            "forecast to exceed the budget on the 29th and to be 200 over budget at month end",
        ),
        (
            1000,
            1800,
            3200,
            "over budget (exceeded on the 10th) and forecast to be 2,100 over budget at month end",
        ),
        (3150, 1800, 3200, "forecast to be 50 under budget, but the budget may be exceeded"),
        (4000, 1800, 3200, "forecast to be 900 under budget"),
        (None, 1800, 3200, ""),
    ],
)
def test_budget_status_describes_spend_and_forecast(budget, spent, high, expected_text):
    """The text says when the budget is exceeded, and by how much."""
    path = tuple(100.0 * day for day in range(1, 32))
    end = MonthEnd(date(2026, 3, 1), date(2026, 3, 19), spent, 3100.0, 3000.0, high, path)
    assert budget_status_text(GroupForecast("team", "help", end, budget)) == expected_text


def test_ordinal_of_a_day_has_its_english_suffix():
    """Also for 11th, 12th and 13th."""
    assert [ordinal(day) for day in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 31)] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "31st"]
    )
    assert next_month(date(2026, 12, 31)) == date(2027, 1, 1)


PLANNED = Owners.model_validate(
    tomllib.loads("""
[teams.help]
channel = "#help"
monthly_budget = 2500
owns = { accounts = ["111122223333"] }
[use_cases.tickets]
intent = "experiment"
team = "help"
cap = 900
unit = "ticket"
accepted_unit_cost = 0.5
rows = { tags = { use_case = ["tickets"] } }
[use_cases.search]
intent = "production"
team = "help"
""")
)


def test_the_month_is_forecast_by_team_use_case_and_service():
    """As of 31 March, 28 days are settled. 70 and 30 a day are 3,100 a month, and exceed 2,500 on the 25th."""
    days = {"days": [date(2026, 1, 1), date(2026, 3, 29)]}
    rows = report(
        "month_forecast",
        [
            {**days, "EffectiveCost": 70.0, "Tags": {"use_case": "tickets"}},
            {**days, "EffectiveCost": 30.0, "ServiceName": "Amazon Kendra"},
        ],
        owners=PLANNED,
    )
    result = {(row["of"], row["name"]): (row["spent"], row["forecast"], row["budget_status"]) for row in rows}
    over = "over budget (exceeded on the 25th) and forecast to be 600 over budget at month end"
    assert result[("team", "help")] == (2800, pytest.approx(3100), over)
    assert result[("use case", "tickets")] == (1960, pytest.approx(2170), "")
    assert result[("use case", "search")] == (840, pytest.approx(930), "")
    assert result[("service", "Amazon Kendra")] == (840, pytest.approx(930), "")
    assert next(iter(result)) == ("all", "all")


def test_portfolio_shows_experiments_and_unallocated_spend():
    """The shares add up to 1. The verdict names a unit cost above the accepted cost and a missing end date."""
    days = {"days": [date(2026, 3, 1), date(2026, 3, 29)], "EffectiveCost": 10.0}
    activity = {"namespace": "business", "metric": "ticket", "resource_id": "tickets"}
    rows = report(
        "portfolio",
        [
            {**days, "Tags": {"use_case": "tickets"}},
            {**days, "EffectiveCost": 60.0},
            {**days, "SubAccountId": "999900001111"},
            {**days, "SubAccountId": "999900001111", "Tags": {"Intent": "Experiment"}},
            {**days, "SubAccountId": "999900001111", "Tags": {"team": "help"}, "EffectiveCost": 0.0},
        ],
        activity=[{**activity, "activity_date": date(2026, 3, 20), "value": 8.0}],
        owners=PLANNED,
    )
    result = {(row["intent"], row["use_case"]): row for row in rows}
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert result[("production", "search")]["effective_cost"] == pytest.approx(28 * 60)
    tickets = result[("experiment", "tickets")]
    assert (tickets["unit_cost"], tickets["verdict"]) == (
        pytest.approx(1.25),
        "unit cost above the accepted cost",
    )
    assert result[("experiment", None)]["verdict"] == "experiment has no end date"
    assert result[("(unallocated)", None)]["verdict"] == "no owner"
    assert [row["intent"] for row in rows] == ["production", "experiment", "experiment", "(unallocated)"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("days", [1, 2, 6, 7, 8, 13, 14, 20, 27, 28, 29, 45, 60])
def test_short_series_is_forecast_without_a_warning(days):
    """With gaps, without costs or started yesterday: no mean of an empty array is computed."""
    drawn = np.random.default_rng(days).gamma(4.0, 25.0, (5, days))
    drawn[1], drawn[2, :-1], drawn[3, ::2], drawn[4] = 0.0, 0.0, np.nan, np.nan
    for ahead_days in (1, 5, 31):
        projection = project_costs(drawn, first_weekday=0, days=ahead_days)
        assert projection.means.shape == (5, ahead_days)
