"""Use cases, the sections `[use_cases.NAME]` of owners.toml: experiments with an end, production and others.

A use case with a team and without `rows` covers everything that the team owns.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, get_args

from pydantic import Field

from focuswatch.owners.ai_usage_policy_rules import usage_policy_problems
from focuswatch.owners.section_base_class_and_shared_types import (
    Amount,
    Name,
    OwnersSection,
    account_id_problems,
)
from focuswatch.owners.validate_spend_cap_keys import OnCap, spend_cap_problems

Intent = Literal["experiment", "production", "sandbox", "shared"]
INTENTS: tuple[str, ...] = get_args(Intent)


class Launch(OwnersSection):
    """A planned launch: from `first_day` through `last_day`, up to `factor` times the baseline is expected."""

    first_day: date
    last_day: date
    factor: Annotated[float, Field(gt=1, le=1000)]


class Rows(OwnersSection):
    """Charges selected by tag values, account ids and resources; a resource that ends in `*` is a prefix."""

    tags: dict[str, list[str]] = {}
    accounts: list[str] = []
    resources: list[Name] = []

    @property
    def is_set(self) -> bool:
        """Whether anything is selected."""
        return any(self.tags.values()) or bool(self.accounts or self.resources)


class UseCase(OwnersSection):
    """One section `[use_cases.NAME]`; amounts are in the billing currency.

    Without `rows`, it covers everything that `team` owns and no other use case covers. `cap` limits the cost of an
    experiment from its first charge on. `accepted_unit_cost` is per `unit`, whose counts are rows of the table
    `activity`. `models`, `batch` and `regions` are rules that the detection policy_violation checks.
    `on_cap` is the action when `cap` (or else `monthly_budget`, in a month) is spent: see docs/control.md.
    """

    intent: Intent
    team: Name | None = None
    hypothesis: Name | None = None
    review_on: date | None = None
    cap: Amount | None = None
    monthly_budget: Amount | None = None
    unit: Name | None = None
    accepted_unit_cost: Amount | None = None
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
class PlannedLaunch:
    """A row of the table `launches`."""

    use_case: str
    first_day: date
    last_day: date
    factor: float


def use_case_problems(name: str, use_case: UseCase, *, teams: Mapping[str, object]) -> Iterator[str]:
    """Yield the mistakes in a use case, each as a sentence that starts with its place in the file."""
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
    yield from account_id_problems(f"{where}.rows.accounts", use_case.rows.accounts)
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
