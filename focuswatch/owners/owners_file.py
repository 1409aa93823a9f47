"""Read and validate owners.toml, and return its settings: the rows of SQL tables, channels and Jira projects."""

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from decimal import Decimal
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    Field,
    ValidationError,
)

from focuswatch.catalog.parse_toml_text_with_clear_syntax_errors import parse_toml
from focuswatch.catalog.strip_tag_key_prefixes import plain_key
from focuswatch.errors import ConfigError
from focuswatch.owners.ai_usage_policy_rules import PolicyRule, policy_rules_of
from focuswatch.owners.budgets_and_limits_for_plans_table import BudgetPlan, plan_of
from focuswatch.owners.channel_address import ChannelAddress
from focuswatch.owners.chargeback_shared_costs_section import Chargeback, chargeback_problems
from focuswatch.owners.make_and_match_use_case_rules import (
    PlanRule,
    conflicting_claims,
    rules_of,
)
from focuswatch.owners.principal_budgets_section import (
    PrincipalBudget,
    budget_rows,
    principal_budget_problems,
)
from focuswatch.owners.routes_by_severity_and_category import ChannelRoute, route_mistakes
from focuswatch.owners.section_base_class_and_shared_types import OwnersSection, account_id_problems
from focuswatch.owners.teams_and_routing_sections import Jira, Routing, Team
from focuswatch.owners.token_sum_metadata_keys_section import InvocationMetadata
from focuswatch.owners.use_cases_section import PlannedLaunch, UseCase, use_case_problems

CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
PerUsd = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]  # units of the currency per US dollar


@dataclass(frozen=True)
class Rule:
    """A row of `owner_rules`: resources with this tag, account or OU belong to `team`; `place` orders tag keys."""

    rule: str
    key: str | None
    value: str | None
    team: str | None
    place: int


class Owners(OwnersSection):
    """The content of `owners.toml`."""

    routing: Routing = Routing()
    teams: dict[str, Team] = {}
    use_cases: dict[str, UseCase] = {}
    principal_budgets: dict[str, PrincipalBudget] = {}
    exchange_rates: dict[CurrencyCode, PerUsd] = {}
    chargeback: Chargeback = Chargeback()
    invocation_logs: InvocationMetadata = InvocationMetadata()

    @classmethod
    def load(cls, path: Path | None) -> Self:
        """Return the content of `path`, or the defaults without a file. Raises ConfigError with every mistake."""
        if path is None:
            return cls()
        try:
            owners = cls.model_validate(parse_toml(path.read_text(encoding="utf-8-sig")))
        except OSError as error:
            raise ConfigError(
                f"cannot read {path}: {error.strerror}. Check the path and the permissions of the file."
            ) from error
        except ValidationError as error:
            raise ConfigError("\n".join(f"{path}: {line}" for line in _lines(error))) from error
        except ValueError as error:  # UnicodeDecodeError too
            raise ConfigError(f"{path} is not TOML: {error}. Correct the file.") from error
        if mistakes := list(owners.mistakes()):
            raise ConfigError("\n".join(f"{path}: {mistake}" for mistake in mistakes))
        return owners

    def mistakes(self) -> Iterator[str]:
        """Yield the mistakes that concern several sections or rules, such as an account with two owners."""
        claims: dict[tuple[str, str | None, str | None], str] = {}
        for rule in self.rules:
            if rule.team is None:
                continue
            other = claims.setdefault((rule.rule, rule.key, rule.value), rule.team)
            if other != rule.team:
                named = f"{rule.key}={rule.value}" if rule.key else rule.value
                yield (
                    f"teams.{rule.team} and teams.{other} both own the {rule.rule} {named}. "
                    f"Assign this {rule.rule} to only one team."
                )
        yield from route_mistakes("routing.fallback_channels", self.routing.routes)
        for name, team in self.teams.items():
            yield from account_id_problems(f"teams.{name}.owns.accounts", team.owns.accounts)
            yield from route_mistakes(f"teams.{name}.channels", team.routes)
        for name, use_case in self.use_cases.items():
            yield from use_case_problems(name, use_case, teams=self.teams)
        yield from conflicting_claims(self.plan_rules)
        for name, budget in self.principal_budgets.items():
            yield from principal_budget_problems(name, budget, teams=self.teams)
        yield from chargeback_problems(self.chargeback, teams=self.teams.keys(), use_cases=self.use_cases)

    @cached_property
    def rules(self) -> list[Rule]:
        """The rules that assign owners: the table `owner_rules`, which detections and reports read."""
        rules = [Rule("tag_key", key, None, None, place) for place, key in enumerate(self.tag_keys)]
        for name, team in self.teams.items():
            named = {(plain_key(key), name.lower()) for key in self.routing.owner_tags}
            listed = {
                (plain_key(key), value.lower()) for key, values in team.owns.tags.items() for value in values
            }
            rules += [Rule("tag", key, value, name, 0) for key, value in sorted(named | listed)]
            rules += [Rule("account", None, account, name, 0) for account in team.owns.accounts]
            rules += [Rule("ou", None, "/" + ou.strip("/"), name, 0) for ou in team.owns.ous]
        return rules

    @cached_property
    def tag_keys(self) -> list[str]:
        """Tag keys that name a team, in order of precedence."""
        listed = sorted({plain_key(key) for team in self.teams.values() for key in team.owns.tags})
        return list(dict.fromkeys([*map(plain_key, self.routing.owner_tags), *listed]))

    @cached_property
    def plans(self) -> list[BudgetPlan]:
        """The budgets of all teams and use cases: the table `plans`."""
        teams = [
            BudgetPlan(name, "team", name, monthly_budget=None if budget is None else float(budget))
            for name, team in self.teams.items()
            for budget in (team.monthly_budget,)
        ]
        return [*teams, *(plan_of(name, use_case) for name, use_case in self.use_cases.items())]

    @cached_property
    def plan_rules(self) -> list[PlanRule]:
        """The rules that assign charges to use cases: the table `plan_rules`."""
        keys = [
            PlanRule("intent_key", plain_key(key), None, None, place)
            for place, key in enumerate(self.routing.intent_tags)
        ]
        named = (
            rules_of(
                name, use_case, place=place, bare_keys={key: plain_key(key) for key in use_case.rows.tags}
            )
            for place, (name, use_case) in enumerate(self.use_cases.items())
        )
        return [*keys, *chain.from_iterable(named)]

    @cached_property
    def policy_rules(self) -> list[PolicyRule]:
        """The rules for the AI usage of use cases: the table `policy_rules`."""
        return [rule for name, use_case in self.use_cases.items() for rule in policy_rules_of(name, use_case)]

    @property
    def tables(self) -> dict[str, list[tuple[object, ...]]]:
        """The rows of the tables about owners, by table; focuswatch.bill.schema.columns_of_all_tables defines them."""
        launches = [
            PlannedLaunch(name, launch.first_day, launch.last_day, launch.factor)
            for name, use_case in self.use_cases.items()
            for launch in use_case.launches
        ]
        return {
            "owner_rules": [astuple(rule) for rule in self.rules],
            "plans": [astuple(plan) for plan in self.plans],
            "plan_rules": [astuple(rule) for rule in self.plan_rules],
            "launches": [astuple(launch) for launch in launches],
            "policy_rules": [astuple(rule) for rule in self.policy_rules],
            "principal_budgets": [
                astuple(row)
                for name, budget in self.principal_budgets.items()
                for row in budget_rows(name, budget)
            ],
        }

    @property
    def names_resources(self) -> bool:
        """Whether a use case selects charges by resource."""
        return any(rule.rule == "resource" for rule in self.plan_rules)

    def routes(self, team: str | None) -> list[ChannelRoute]:
        """Return the channels of a team, or the channels for findings without an owner."""
        return self.teams[team].routes if team in self.teams else self.routing.routes

    def slack_channel(self, team: str | None) -> str | None:
        """Return the first Slack channel of a team (None: FinOps), for messages that are not about one finding."""
        addresses = (route.address for route in self.routes(team))
        return next((address.name for address in addresses if address.kind == "slack"), None)

    @property
    def addresses(self) -> dict[str, list[ChannelAddress]]:
        """The channel addresses, by key in the file."""
        by_key = {"routing.fallback_channel": self.routing.routes}
        by_key |= {f"teams.{name}": team.routes for name, team in self.teams.items()}
        return {key: [route.address for route in routes] for key, routes in by_key.items()}

    def jira(self, team: str | None) -> Jira | None:
        """Return the Jira project for a team's issues (None: no issues)."""
        return self.teams[team].jira if team in self.teams else self.routing.jira


def _lines(error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        key = ".".join(map(str, problem["loc"]))
        if problem["type"] == "value_error":  # a sentence from a validator here, which says what was found
            yield f"{key}: {problem['ctx']['error']}."
        else:
            yield f"{key}: {problem['msg']}, found {problem['input']!r}"
