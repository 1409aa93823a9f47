"""Use cases, the sections `[use_cases.NAME]` of `owners.toml`: experiments with an end, production and others.

A use case with a team and without rows covers everything that the team owns.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import product
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from focuswatch.owners.spend_caps import OnCap, spend_cap_problems
from focuswatch.owners.usage_policies import usage_policy_problems

Name = Annotated[str, Field(min_length=1, max_length=255)]
# Bounded, for reports divide by it as a double: more digits overflow to infinity, fewer underflow to zero.
Money = Annotated[Decimal, Field(gt=0, le=Decimal("1e15"), decimal_places=12)]
Intent = Literal["experiment", "production", "sandbox", "shared"]
INTENTS: tuple[str, ...] = get_args(Intent)
TagValues = Set[tuple[str | None, str | None]]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Launch(_Section):
    """A planned launch: from `first_day` through `last_day`, up to `factor` times the baseline is expected."""

    first_day: date
    last_day: date
    factor: Annotated[float, Field(gt=1, le=1000)]


class Rows(_Section):
    """Charges by tag values, account ids, and resources; a resource that ends in `*` is a prefix."""

    tags: dict[str, list[str]] = {}
    accounts: list[str] = []
    resources: list[Name] = []

    @property
    def is_set(self) -> bool:
        """Whether anything is selected."""
        return any(self.tags.values()) or bool(self.accounts or self.resources)


class UseCase(_Section):
    """One `[use_cases.NAME]`; money in the billing currency.

    Without `rows` it covers everything that `team` owns and no other use case covers. `cap` bounds what an experiment
    may cost from its first charge on; `accepted_unit_cost` is per `unit`, whose counts are rows of `activity`.
    `models`, `batch` and `regions` are rules that policy_violation checks.
    `on_cap` is what happens when `cap` (or else `monthly_budget`, in a month) is spent: see docs/control.md.
    """

    intent: Intent
    team: Name | None = None
    hypothesis: Name | None = None
    review_on: date | None = None
    cap: Money | None = None
    monthly_budget: Money | None = None
    unit: Name | None = None
    accepted_unit_cost: Money | None = None
    on_cap: OnCap | None = None
    roles: list[str] = []
    approvers: list[str] = []
    confirm_pause: str | None = None
    models: list[Name] = []
    batch: Literal["required"] | None = None
    regions: list[Name] = []
    launches: list[Launch] = []
    rows: Rows = Rows()


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


@dataclass(frozen=True)
class PlanRule:
    """A row of `plan_rules`: charges with this tag value, account, resource or team belong to `use_case`.

    A resource's `value` is a prefix of its name where `key` is 'prefix', else the whole name; `place` orders
    use cases, the first in the file wins. An 'intent_key' is a tag key whose value is the intent.
    """

    rule: Literal["resource", "tag", "account", "team", "intent_key"]
    key: str | None
    value: str | None
    use_case: str | None
    place: int


@dataclass(frozen=True)
class PlannedLaunch:
    """A row of `launches`."""

    use_case: str
    first_day: date
    last_day: date
    factor: float


def plan_of(name: str, use_case: UseCase) -> BudgetPlan:
    """Return the use case's row of `plans`."""
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


def rules_of(name: str, use_case: UseCase, *, place: int, bare_keys: Mapping[str, str]) -> Iterator[PlanRule]:
    """Yield the rows of `plan_rules`; `bare_keys` are the keys of its tags as they are compared."""
    rows = use_case.rows
    for resource in rows.resources:
        key = "prefix" if resource.endswith("*") else None
        yield PlanRule("resource", key, resource.removesuffix("*"), name, place)
    for tag, values in rows.tags.items():
        for value in values:
            yield PlanRule("tag", bare_keys[tag], value.strip().lower(), name, place)
    for account in rows.accounts:
        yield PlanRule("account", None, account, name, place)
    if not rows.is_set and use_case.team:
        yield PlanRule("team", None, use_case.team, name, place)


def use_case_of(
    rules: Iterable[PlanRule], *, resource_id: str | None, tag_values: Sequence[TagValues],
    account_id: str | None, team: str | None,
) -> str | None:  # fmt: skip
    """Return the use case of a charge, as athena_sql/tables/owned_days.sql assigns it; None without one.

    The resource decides, else its tags, its account's tags, its account, its team; `tag_values` are both in this
    order, with bare keys.
    """
    rules = list(rules)
    named = [
        rule
        for rule in rules
        if rule.rule == "resource"
        and resource_id is not None
        and (resource_id.startswith(rule.value or "") if rule.key else resource_id == rule.value)
    ]
    if named:
        return max(named, key=lambda rule: 2 * len(rule.value or "") + (rule.key is None)).use_case
    tagged = (
        min(
            (rule for rule in rules if rule.rule == "tag" and (rule.key, rule.value) in values),
            key=_place,
            default=None,
        )
        for values in tag_values
    )
    held = (("account", account_id), ("team", team))
    owned = (
        next((rule for rule in rules if (rule.rule, rule.value) == one and rule.value), None) for one in held
    )
    return next((rule.use_case for rule in (*tagged, *owned) if rule), None)


def intent_of(rules: Iterable[PlanRule], *, tag_values: Sequence[TagValues]) -> str | None:
    """Return the intent that a tag states; None without such a tag."""
    keys = sorted((rule for rule in rules if rule.rule == "intent_key"), key=_place)
    candidates = product(tag_values, keys, INTENTS)
    return next((intent for values, rule, intent in candidates if (rule.key, intent) in values), None)


def _place(rule: PlanRule) -> int:
    return rule.place


def use_case_problems(name: str, use_case: UseCase, *, teams: Mapping[str, object]) -> Iterator[str]:
    """Yield the mistakes of a use case, each a sentence that begins with its place in the file."""
    where = f"use_cases.{name}"
    if use_case.team is not None and use_case.team not in teams:
        names = ", ".join(teams) or "none"
        yield f"{where}.team: found '{use_case.team}', expected one of the teams: {names}."
    if not use_case.rows.is_set and use_case.team is None:
        yield f"{where}: found neither `team` nor `rows`. Add `team` or `rows`, so that the use case covers charges."
    if use_case.intent == "experiment" and use_case.review_on is None and use_case.cap is None:
        yield (
            f"{where}: found an experiment with neither `review_on` nor `cap`. "
            'Add `review_on` or `cap`, or set intent = "production".'
        )
    if (use_case.unit is None) != (use_case.accepted_unit_cost is None):
        yield f"{where}: found only one of the keys `unit` and `accepted_unit_cost`; expected both keys or neither."
    yield from spend_cap_problems(where, use_case)
    yield from usage_policy_problems(where, use_case, has_rows=use_case.rows.is_set)
    for account in use_case.rows.accounts:
        if not (len(account) == 12 and account.isdecimal()):
            yield f"{where}.rows.accounts: found '{account}', expected an account ID of 12 digits."
    for resource in use_case.rows.resources:
        if "*" in resource[:-1] or resource == "*":
            yield f"{where}.rows.resources: found '{resource}', expected '*' only at the end of a prefix."
    if use_case.launches and not use_case.rows.is_set:
        yield f"{where}.launches: found no `rows`; expected `rows` that select the charges of the launch."
    for number, launch in enumerate(use_case.launches):
        if launch.last_day < launch.first_day:
            yield (
                f"{where}.launches.{number}: `last_day` ({launch.last_day}) is before `first_day` ({launch.first_day})."
            )


def conflicting_claims(rules: Iterable[PlanRule]) -> Iterator[str]:
    """Yield a sentence for each row that two use cases claim."""
    claims: dict[tuple[str, str | None, str | None], str] = {}
    for rule in rules:
        if rule.use_case is None:
            continue
        other = claims.setdefault((rule.rule, rule.key, rule.value), rule.use_case)
        if other != rule.use_case:
            named = f"{rule.key}={rule.value}" if rule.rule == "tag" else rule.value
            both = f"use_cases.{rule.use_case} and use_cases.{other}"
            yield f"{both} both match the {rule.rule} {named}. Assign this {rule.rule} to one use case."
