"""Shared costs, the section `[chargeback]` of owners.toml: which charges are shared, and how teams split them."""

from collections.abc import Iterator, Mapping, Set
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from focuswatch.owners.section_base_class_and_shared_types import Name, OwnersSection, account_id_problems
from focuswatch.owners.use_cases_section import UseCase

Split = Literal["even", "usage", "tokens", "shares"]
Share = Annotated[Decimal, Field(gt=0, le=Decimal("1e9"), decimal_places=12)]
SELECTORS = ("accounts", "services", "teams", "use_cases", "unallocated")


class SharedCost(OwnersSection):
    """One `[[chargeback.shared]]`: charges that match any of its keys are split as `split` specifies.

    `unallocated` matches charges that have no team. `among` are the teams that split the charges, by default all teams
    whose own charges are not shared. `shares` are proportions of any size.
    """

    name: Name
    accounts: list[str] = []
    services: list[Name] = []
    teams: list[Name] = []
    use_cases: list[Name] = []
    unallocated: bool = False
    split: Split
    among: list[Name] = []
    shares: dict[Name, Share] = {}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not any(getattr(self, key) for key in SELECTORS):
            raise ValueError(f"found no key that selects charges; add one of {', '.join(SELECTORS)}")
        if (self.split == "shares") != bool(self.shares):
            raise ValueError(
                f'found split = "{self.split}" {"with" if self.shares else "without"} `shares`; '
                'use split = "shares" and `shares` together'
            )
        if self.shares and self.among:
            raise ValueError("found both `among` and `shares`; list the teams only in `shares`")
        return self

    def matches(
        self, *, account_id: str | None, service_name: str | None, team: str | None, use_case: str | None
    ) -> bool:
        """Return whether a charge with these properties is shared."""
        return (
            account_id in self.accounts
            or service_name in self.services
            or team in self.teams
            or use_case in self.use_cases
            or (self.unallocated and team is None)
        )


class Chargeback(OwnersSection):
    """The shared costs, in order of precedence: the first one that a charge matches applies."""

    shared: list[SharedCost] = []

    @property
    def shared_teams(self) -> set[str]:
        """The teams whose own charges are shared, and to which no part of shared costs is therefore allocated."""
        return {team for shared in self.shared for team in shared.teams}


def chargeback_problems(
    chargeback: Chargeback, *, teams: Set[str], use_cases: Mapping[str, UseCase]
) -> Iterator[str]:
    """Yield the mistakes that span sections, each as a sentence."""
    names: set[str] = set()
    for shared in chargeback.shared:
        where = f"chargeback.shared.{shared.name}"
        if shared.name in names:
            yield f"{where}: this name occurs twice. Use each name once."
        names.add(shared.name)
        yield from (f"{where}.{problem}" for problem in _selector_problems(shared, use_cases=use_cases))
        for key in ("teams", "among", "shares"):
            for team in sorted(set(getattr(shared, key)) - teams):
                yield f"{where}.{key}: found '{team}', expected a team from [teams]."
        for key in ("among", "shares"):
            for team in sorted(set(getattr(shared, key)) & chargeback.shared_teams):
                yield (
                    f"{where}.{key}: the charges of {team} are themselves shared, so no other shared charges can be "
                    f"allocated to {team}. Remove {team} here."
                )
        if not (shared.among or shared.shares or teams - chargeback.shared_teams):
            yield (
                f"{where}: owners.toml has no other team to which these charges can be allocated. "
                "Add a team to [teams]."
            )


def _selector_problems(shared: SharedCost, *, use_cases: Mapping[str, UseCase]) -> Iterator[str]:
    yield from account_id_problems("accounts", shared.accounts)
    for name in shared.use_cases:
        use_case = use_cases.get(name)
        if use_case is None or use_case.intent != "shared":
            yield f"use_cases: found '{name}', expected a use case with intent = \"shared\"."
        elif use_case.rows.resources:
            yield (
                f"use_cases: the use case {name} selects charges by resource, which a chargeback does not support. "
                "Select the charges by tag or account."
            )
