"""Rows of the table `plans`: budgets, intent and limits of teams and use cases. Pure."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from focuswatch.owners.use_cases_section import UseCase
from focuswatch.owners.validate_spend_cap_keys import OnCap


@dataclass(frozen=True)
class BudgetPlan:
    """A row of `plans`: the budget, intent and limits of a team or a use case."""

    plan: str
    kind: Literal["team", "use case"]
    team: str | None
    intent: str | None = None
    hypothesis: str | None = None
    review_on: date | None = None
    cap: float | None = None
    monthly_budget: float | None = None
    unit: str | None = None
    accepted_unit_cost: float | None = None
    on_cap: OnCap | None = None


def plan_of(name: str, use_case: UseCase) -> BudgetPlan:
    """Return the row of `plans` for a use case."""
    return BudgetPlan(
        plan=name,
        kind="use case",
        team=use_case.team,
        intent=use_case.intent,
        hypothesis=use_case.hypothesis,
        review_on=use_case.review_on,
        cap=_number(use_case.cap),
        monthly_budget=_number(use_case.monthly_budget),
        unit=use_case.unit,
        accepted_unit_cost=_number(use_case.accepted_unit_cost),
        on_cap=use_case.on_cap,
    )


def _number(money: Decimal | None) -> float | None:
    return None if money is None else float(money)
