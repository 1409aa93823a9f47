"""Find the budgets that are forecast to be exceeded this month, or at risk: the findings of `budget_pace`."""

from datetime import date, timedelta

from focuswatch.catalog.sql_header_models import PaceHeader
from focuswatch.detect.forecast.forecasts_and_budgets_by_group import (
    GroupForecast,
    budget_status_text,
    budgeted_forecasts,
)
from focuswatch.engines import Engine, Row
from focuswatch.engines.values_as_sql_literals import Value


def budget_pace_rows(
    statement: str, *, engine: Engine, label: str, inputs: dict[str, Value], pace: PaceHeader
) -> list[Row]:
    """Return a contract row for each budget forecast to be exceeded, or at risk, highest excess first."""
    as_of = inputs["as_of"]
    assert isinstance(as_of, date)
    forecasts = budgeted_forecasts(statement, engine=engine, label=label, as_of=as_of)
    rows = [_row(one, pace) for one in forecasts if _is_at_risk(one, pace)]
    return sorted(rows, key=lambda row: (-row["monthly_cost"], row["resource_id"]))


def _is_at_risk(one: GroupForecast, pace: PaceHeader) -> bool:
    """Return whether the forecast reaches the budget, or the first alert is reached and `high` reaches the budget."""
    assert one.budget is not None
    return one.end.forecast >= one.budget or (
        one.end.spent >= min(pace.alerts) * one.budget and one.end.high >= one.budget
    )


def _row(one: GroupForecast, pace: PaceHeader) -> Row:
    end, budget = one.end, one.budget or 0.0
    return {
        "sub_account_id": None,
        "region_id": None,
        "resource_id": f"{one.kind} {one.name}",
        "monthly_cost": max(end.forecast - budget, 0.0),
        "team": one.team,
        "plan": one.name,
        "plan_of": one.kind,
        "budget_status": budget_status_text(one),
        "budget": budget,
        "spent": end.spent,
        "spent_percent": end.spent / budget * 100,
        "reached_percent": max(
            (alert * 100 for alert in pace.alerts if end.spent >= alert * budget), default=0.0
        ),
        "forecast": end.forecast,
        "low": end.low,
        "high": end.high,
        "over_by": one.over_by,
        "over_on": one.over_on,
        "settled_until": end.settled_until - timedelta(days=1),
        "days_left": end.days_left,
        "month": f"{end.month:%Y-%m}",
    }
