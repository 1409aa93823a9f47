"""Budgets for callers of AI models: the sections `[principal_budgets.NAME]` of owners.toml."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Annotated, Literal

from pydantic import Field

from focuswatch.catalog.strip_tag_key_prefixes import plain_key
from focuswatch.owners.section_base_class_and_shared_types import Amount, OwnersSection

CallerName = Annotated[str, Field(min_length=1, max_length=2048)]  # length of the longest IAM ARN
Measure = Literal["cost", "million tokens"]
Period = Literal["day", "month"]


class PrincipalBudget(OwnersSection):
    """One section `[principal_budgets.NAME]`: its callers, and at least one limit.

    `principals` are ARNs or names of users and API keys, `roles` are names of roles, `teams` are teams in owners.toml,
    and `tags` are tags of callers. A caller that matches several of them counts once. Costs are in the billing
    currency. `team` owns the findings; without `team`, the only team in `teams` does.
    """

    principals: list[CallerName] = []
    roles: list[CallerName] = []
    teams: list[CallerName] = []
    tags: dict[str, list[str]] = {}
    daily_budget: Amount | None = None
    monthly_budget: Amount | None = None
    daily_million_tokens: Amount | None = None
    monthly_million_tokens: Amount | None = None
    team: CallerName | None = None

    @property
    def limits(self) -> list[tuple[Measure, Period, Decimal]]:
        """The limits that are set."""
        amounts: tuple[tuple[Measure, Period, Decimal | None], ...] = (
            ("cost", "day", self.daily_budget),
            ("cost", "month", self.monthly_budget),
            ("million tokens", "day", self.daily_million_tokens),
            ("million tokens", "month", self.monthly_million_tokens),
        )
        return [(measure, period, amount) for measure, period, amount in amounts if amount is not None]

    @property
    def owner(self) -> str | None:
        """The team that owns the findings; None if there is no single team."""
        return self.team or (self.teams[0] if len(self.teams) == 1 else None)


@dataclass(frozen=True)
class BudgetRule:
    """A row of the table `principal_budgets`: callers that match this rule count toward this limit of `budget`."""

    budget: str
    rule: Literal["principal", "role", "team", "tag"]
    key: str | None
    value: str
    team: str | None
    measure: Measure
    period: Period
    amount: float


def budget_rows(name: str, budget: PrincipalBudget) -> Iterator[BudgetRule]:
    """Yield a row for each combination of a rule and a limit."""
    for (rule, key, value), (measure, period, amount) in product(list(_rules(budget)), budget.limits):
        yield BudgetRule(name, rule, key, value, budget.owner, measure, period, float(amount))


def _rules(
    budget: PrincipalBudget,
) -> Iterator[tuple[Literal["principal", "role", "team", "tag"], str | None, str]]:
    for principal in budget.principals:
        yield "principal", None, principal
    for role in budget.roles:
        yield "role", None, role
    for team in budget.teams:
        yield "team", None, team
    for key, values in budget.tags.items():
        for value in values:
            yield "tag", plain_key(key), value.strip().lower()


def principal_budget_problems(name: str, budget: PrincipalBudget, *, teams: Collection[str]) -> Iterator[str]:
    """Yield the mistakes in a budget, each as a sentence that starts with its place in the file."""
    where = f"principal_budgets.{name}"
    if not list(_rules(budget)):
        yield f"{where}: found no callers. Add `principals`, `roles`, `teams` or `tags`."
    if not budget.limits:
        yield (
            f"{where}: found no limit. Add `daily_budget`, `monthly_budget`, `daily_million_tokens` or "
            "`monthly_million_tokens`."
        )
    for team in {*budget.teams, *([budget.team] if budget.team else [])} - set(teams):
        yield f"{where}: found the team '{team}', expected one of the teams: {', '.join(teams) or 'none'}."
