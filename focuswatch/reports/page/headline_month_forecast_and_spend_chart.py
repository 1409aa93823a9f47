"""Compute the totals at the top of the page: month to date, its forecast, and the last 30 complete days."""

from calendar import monthrange
from datetime import date, timedelta

from focuswatch.engines import Row
from focuswatch.reports.page.ai_layer_finding_and_gpu_charts import days_of
from focuswatch.reports.page.query_page_data import PageData, Part

CHART_DAYS = 60  # same as in the chart of AI spend


def month_to_date(page_data: PageData) -> Part | None:
    """Return the month-to-date cost, its forecast, and budgets compared with their forecasts; None without a forecast.

    Only team budgets are added up, because the budgets of use cases are part of them.
    """
    rows = page_data.reports.get("month_forecast", [])
    whole = next((row for row in rows if row["of"] == "all"), None)
    if whole is None:
        return None
    month = page_data.as_of - timedelta(days=1)
    budgeted = [row for row in rows if row["of"] in ("team", "use case") and row.get("budget")]
    teams = [row for row in budgeted if row["of"] == "team"]
    return {
        **{name: whole.get(name) for name in ("spent", "forecast", "low", "high")},
        "first_day": month.replace(day=1),
        "last_day": month.replace(day=monthrange(month.year, month.month)[1]),
        "budgets": len(budgeted),
        "budgets_over": sum(row["over_by"] > 0 for row in budgeted),
        "team_budget": sum(row["budget"] for row in teams),
        "team_forecast": sum(row["forecast"] for row in teams),
    }


def period(page_data: PageData) -> Part:
    """Return the first and the last of the 30 days that reports cover, from the table complete_30_days."""
    days = page_data.billed_days
    return {"from": days["first_period_day"], "until": days["period_end_day"] - timedelta(days=1)}


def spend_chart(page_data: PageData) -> Part | None:
    """Return the daily cost of the bill and of AI, and the totals of the last 30 complete days; None without such days.

    The 30 days are those of the table complete_30_days.
    """
    if not page_data.spend_days:
        return None
    days = days_of(page_data.spend_days)
    costs, ai_costs = _by_day(page_data.spend_days, days), _by_day(page_data.layer_days, days)
    first, end = page_data.billed_days["first_period_day"], page_data.billed_days["period_end_day"]
    now = [day for day in days if first <= day < end]
    before = [day for day in days if page_data.billed_days["first_day_before"] <= day < first]
    if not now:
        return None
    charted = days[-CHART_DAYS:]
    return {
        "days": charted,
        "costs": [round(costs[day], 2) for day in charted],
        "ai_costs": [round(ai_costs[day], 2) for day in charted],
        "from": now[0],
        "until": now[-1],
        "cost": sum(costs[day] for day in now),
        "cost_before": sum(costs[day] for day in before),
        "ai_cost": sum(ai_costs[day] for day in now),
    }


def _by_day(rows: list[Row], days: list[date]) -> dict[date, float]:
    costs = dict.fromkeys(days, 0.0)
    for row in rows:
        if row["charge_date"] in costs:
            costs[row["charge_date"]] += float(row["effective_cost"] or 0.0)
    return costs
