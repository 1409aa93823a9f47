"""Compare month-end forecasts with budgets: rows of the report `month_forecast`, and findings of `budget_pace`.

The SQL of both returns daily costs by leaf, which `daily_matrices` reads. Budgets are in the table `plans`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from focuswatch.catalog.sql_header_fields import PaceHeader
from focuswatch.detect.forecast.daily_matrices import Charges, charges_of
from focuswatch.detect.forecast.month_end_forecast import MonthEnd, month_ends
from focuswatch.engines import Engine, Row
from focuswatch.engines.sql_values import Value, literal

PLANS = "SELECT plan, kind, team, monthly_budget FROM plans WHERE monthly_budget IS NOT NULL"
TEAM, USE_CASE, SERVICE = "team", "use case", "service"
Plans = Mapping[tuple[str, str], Row]  # by kind and name
COLUMNS = (
    "of",
    "name",
    "spent",
    "forecast",
    "low",
    "high",
    "budget",
    "over_by",
    "over_on",
    "budget_status",
)


@dataclass(frozen=True)
class Budgeted:
    """The month-end forecast of the bill, a team, a use case or a service; `team` owns the budget."""

    of: str
    name: str
    end: MonthEnd
    budget: float | None = None
    team: str | None = None

    @property
    def over_by(self) -> float | None:
        """The forecast minus the budget, negative below it; None without a budget."""
        return None if self.budget is None else self.end.forecast - self.budget

    @property
    def over_on(self) -> date | None:
        """The day on which the budget is forecast to be reached; None without a budget or such a day."""
        return None if self.budget is None else self.end.passes(self.budget)


def month_rows(statement: str, *, engine: Engine, label: str, as_of: date) -> list[Row]:
    """Return rows for the whole bill, then teams, use cases and services, highest cost first. Raises QueryError."""
    forecasts = budgeted(statement, engine=engine, label=label, as_of=as_of)
    order = {"all": 0, TEAM: 1, USE_CASE: 2, SERVICE: 3}
    forecasts.sort(key=lambda one: (order[one.of], -one.end.forecast, one.name))
    return [_row(one) for one in forecasts if one.end.forecast or one.budget]


def _row(one: Budgeted) -> Row:
    end = one.end
    values = (
        one.of,
        one.name,
        end.spent,
        end.forecast,
        end.low,
        end.high,
        one.budget,
        one.over_by,
        one.over_on,
        against_plan(one),
    )
    return dict(zip(COLUMNS, values, strict=True))


def pace_rows(
    statement: str, *, engine: Engine, label: str, inputs: dict[str, Value], pace: PaceHeader
) -> list[Row]:
    """Return a contract row for each budget forecast to be exceeded, or at risk, highest excess first."""
    as_of = inputs["as_of"]
    assert isinstance(as_of, date)
    plans = _plans(engine, label=label)
    if not plans:
        return []
    statement = _of_plans(statement, plans)
    forecasts = _with_budgets(_forecasts(statement, engine=engine, label=label, as_of=as_of), plans)
    rows = [_finding(one, pace) for one in forecasts if one.budget is not None and _is_at_risk(one, pace)]
    return sorted(rows, key=lambda row: (-row["monthly_cost"], row["resource_id"]))


def _is_at_risk(one: Budgeted, pace: PaceHeader) -> bool:
    """Return whether the forecast reaches the budget, or the first alert is reached and `high` reaches the budget."""
    assert one.budget is not None
    return one.end.forecast >= one.budget or (
        one.end.spent >= min(pace.alerts) * one.budget and one.end.high >= one.budget
    )


def _finding(one: Budgeted, pace: PaceHeader) -> Row:
    end, budget = one.end, one.budget or 0.0
    return {
        "sub_account_id": None,
        "region_id": None,
        "resource_id": f"{one.of} {one.name}",
        "monthly_cost": max(end.forecast - budget, 0.0),
        "team": one.team,
        "plan": one.name,
        "plan_of": one.of,
        "budget_status": against_plan(one),
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


def against_plan(one: Budgeted) -> str:
    """Return a text such as `forecast to exceed the budget on the 23rd and to be 1,900 over budget at month end`.

    The text is empty without a budget.
    """
    if one.budget is None or one.over_by is None:
        return ""
    amount = f"{abs(one.over_by):,.0f}"
    if one.over_on is None:
        may = ", but the budget may be exceeded" if one.end.high >= one.budget else ""
        return f"forecast to be {amount} under budget{may}"
    day = ordinal(one.over_on.day)
    if one.end.spent >= one.budget:
        return f"over budget (exceeded on the {day}) and forecast to be {amount} over budget at month end"
    return f"forecast to exceed the budget on the {day} and to be {amount} over budget at month end"


def ordinal(day: int) -> str:
    """Return a day of the month as an ordinal number: 1st, 2nd, 3rd, 4th … 11th, 12th, 13th … 21st."""
    ending = "th" if day % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def budgeted(
    statement: str, *, engine: Engine, label: str, as_of: date, month: date | None = None
) -> list[Budgeted]:
    """Return every group of the bill with its budget and its forecast for a month.

    `month` defaults to the month of the day before `as_of`.
    """
    plans = _plans(engine, label=label)
    return _with_budgets(_forecasts(statement, engine=engine, label=label, as_of=as_of, month=month), plans)


def _plans(engine: Engine, *, label: str) -> Plans:
    return {(row["kind"], row["plan"]): row for row in engine.query(PLANS, label=f"{label}, its plans")}


def _of_plans(statement: str, plans: Plans) -> str:
    """Return the statement, limited to the leaves of teams and use cases that have a budget.

    Rows without an account stay, because they state which days the bill has. Names are literals, so that the engine
    filters by them before it groups the charges of thousands of accounts.
    """
    conditions = ["sub_account_id IS NULL"]
    for kind, column in ((TEAM, "team"), (USE_CASE, "use_case")):
        if names := sorted(name for of, name in plans if of == kind):
            conditions.append(f"{column} IN ({', '.join(map(literal, names))})")
    return f"SELECT * FROM (\n{statement}\n) AS leaves WHERE {' OR '.join(conditions)}"


def _with_budgets(forecasts: Iterable[Budgeted], plans: Plans) -> list[Budgeted]:
    return [
        replace(one, budget=plan["monthly_budget"], team=plan["team"])
        if (plan := plans.get((one.of, one.name)))
        else one
        for one in forecasts
    ]


def _forecasts(
    statement: str, *, engine: Engine, label: str, as_of: date, month: date | None = None
) -> list[Budgeted]:
    """Return the forecast of every group, without budgets."""
    columns = engine.columns(statement, label=label)
    if not columns or not len(columns["charge_date"]):
        return []
    charges = charges_of(columns)
    if not charges.settled_days:
        return []
    groups = _groups(charges)
    month = month or (as_of - timedelta(days=1)).replace(day=1)
    ends = month_ends(charges, list(groups.values()), month=month)
    return [Budgeted(of, name, end) for (of, name), end in zip(groups, ends, strict=True)]


def _groups(charges: Charges) -> dict[tuple[str, str], list[int]]:
    """Return the leaf numbers of each group."""
    groups: dict[tuple[str, str], list[int]] = {("all", "all"): list(range(len(charges.keys)))}
    named: tuple[tuple[str, Callable[[tuple[str | None, ...]], str | None]], ...] = (
        (TEAM, lambda key: key[0] or "(unallocated)"),
        (USE_CASE, lambda key: key[1]),
        (SERVICE, lambda key: key[3] or "(no service)"),
    )
    for number, key in enumerate(charges.keys):
        for of, name_of in named:
            if name := name_of(key):
                groups.setdefault((of, name), []).append(number)
    return groups
