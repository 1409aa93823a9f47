"""Forecast the month-end cost of the bill and of each team, use case and service, and compare it with budgets.

The report `month_forecast` consists of these rows. The SQL returns daily costs by leaf, which `usage_and_fee_matrices`
reads. Budgets are in the table `plans`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from focuswatch.detect.forecast.fill_team_report_forecasts import UNALLOCATED
from focuswatch.detect.forecast.month_end_forecast import MonthEnd, month_ends_by_group, month_of_last_day
from focuswatch.detect.forecast.usage_and_fee_matrices import Key
from focuswatch.engines import Engine, Row
from focuswatch.engines.values_as_sql_literals import literal

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
class GroupForecast:
    """The month-end forecast of the bill, a team, a use case or a service; `team` owns the budget."""

    kind: str
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
    forecasts = group_forecasts(statement, engine=engine, label=label, as_of=as_of)
    order = {"all": 0, TEAM: 1, USE_CASE: 2, SERVICE: 3}
    forecasts.sort(key=lambda one: (order[one.kind], -one.end.forecast, one.name))
    return [_row(one) for one in forecasts if one.end.forecast or one.budget]


def _row(one: GroupForecast) -> Row:
    end = one.end
    values = (
        one.kind,
        one.name,
        end.spent,
        end.forecast,
        end.low,
        end.high,
        one.budget,
        one.over_by,
        one.over_on,
        budget_status_text(one),
    )
    return dict(zip(COLUMNS, values, strict=True))


def budget_status_text(one: GroupForecast) -> str:
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


def group_forecasts(
    statement: str, *, engine: Engine, label: str, as_of: date, month: date | None = None
) -> list[GroupForecast]:
    """Return every group of the bill with its budget and its forecast for a month.

    `month` defaults to the month of the day before `as_of`.
    """
    plans = _plans(engine, label=label)
    return _with_budgets(_forecasts(statement, engine=engine, label=label, as_of=as_of, month=month), plans)


def budgeted_forecasts(statement: str, *, engine: Engine, label: str, as_of: date) -> list[GroupForecast]:
    """Return only the groups with a budget, with their forecasts for the month of the day before `as_of`."""
    plans = _plans(engine, label=label)
    if not plans:
        return []
    forecasts = _forecasts(_limited_to(plans, statement), engine=engine, label=label, as_of=as_of)
    return [one for one in _with_budgets(forecasts, plans) if one.budget is not None]


def _plans(engine: Engine, *, label: str) -> Plans:
    return {(row["kind"], row["plan"]): row for row in engine.query(PLANS, label=f"{label}, its plans")}


def _limited_to(plans: Plans, statement: str) -> str:
    """Return the statement, limited to the leaves of teams and use cases that have a budget.

    Rows without an account stay, because they state which days the bill has. Names are literals, so that the engine
    filters by them before it groups the charges of thousands of accounts.
    """
    conditions = ["sub_account_id IS NULL"]
    for kind, column in ((TEAM, "team"), (USE_CASE, "use_case")):
        if names := sorted(name for kind_of_plan, name in plans if kind_of_plan == kind):
            conditions.append(f"{column} IN ({', '.join(map(literal, names))})")
    return f"SELECT * FROM (\n{statement}\n) AS leaves WHERE {' OR '.join(conditions)}"


def _with_budgets(forecasts: Iterable[GroupForecast], plans: Plans) -> list[GroupForecast]:
    return [
        replace(one, budget=plan["monthly_budget"], team=plan["team"])
        if (plan := plans.get((one.kind, one.name)))
        else one
        for one in forecasts
    ]


def _forecasts(
    statement: str, *, engine: Engine, label: str, as_of: date, month: date | None = None
) -> list[GroupForecast]:
    """Return the forecast of every group, without budgets."""
    ends = month_ends_by_group(
        statement, engine=engine, label=label, month=month or month_of_last_day(as_of), groups_of=_groups
    )
    return [GroupForecast(kind, name, end) for (kind, name), end in ends.items()]


def _groups(keys: Sequence[Key]) -> dict[tuple[str, str], list[int]]:
    """Return the leaf numbers of each group."""
    groups: dict[tuple[str, str], list[int]] = {("all", "all"): list(range(len(keys)))}
    named: tuple[tuple[str, Callable[[Key], str | None]], ...] = (
        (TEAM, lambda key: key[0] or UNALLOCATED),
        (USE_CASE, lambda key: key[1]),
        (SERVICE, lambda key: key[3] or "(no service)"),
    )
    for number, key in enumerate(keys):
        for kind, name_of in named:
            if name := name_of(key):
                groups.setdefault((kind, name), []).append(number)
    return groups
