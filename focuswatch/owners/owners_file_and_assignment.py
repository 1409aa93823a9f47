"""Read owners.toml, and assign an owner: by resource tag, account tag, account or OU, or else the fallback."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from decimal import Decimal
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from focuswatch.catalog.parse_and_format_toml import parse_toml
from focuswatch.catalog.tag_key_prefixes import is_principal_key, plain_key
from focuswatch.errors import ConfigError
from focuswatch.findings.finding import OwnedBy, Severity
from focuswatch.owners.ai_principal_budgets import PrincipalBudget, budget_rows, principal_budget_problems
from focuswatch.owners.ai_usage_policy_rules import PolicyRule, policy_rules_of
from focuswatch.owners.channel_address import ChannelAddress
from focuswatch.owners.chargeback_rules import Chargeback, chargeback_problems
from focuswatch.owners.declared_use_cases import Money, PlannedLaunch, UseCase, use_case_problems
from focuswatch.owners.invocation_metadata_keys import InvocationMetadata
from focuswatch.owners.plans_table_rows import BudgetPlan, plan_of
from focuswatch.owners.routes_by_severity_and_category import Address, ChannelRoute, route_mistakes
from focuswatch.owners.use_case_rules import PlanRule, conflicting_claims, intent_of, rules_of, use_case_of

# Jira's default priorities, and the transitions of its default workflows. On Cloud, a transition is named after the
# status that it leads to; in the classic workflow of Data Center, after the action.
PRIORITY: dict[Severity, str] = {"critical": "Highest", "high": "High", "medium": "Medium", "low": "Low"}
DONE = ["Done", "Resolve Issue", "Close Issue", "Resolved", "Closed", "Resolve", "Close"]
REOPEN = ["Reopen", "Reopen Issue", "To Do", "Open", "Backlog"]

Tags = Mapping[str, str | None]
Name = Annotated[str, Field(min_length=1, max_length=255)]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
PerUsd = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]  # units of the currency per US dollar
Label = Annotated[str, Field(pattern=r"^\S{1,255}$")]  # Jira allows no spaces in a label


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Jira(_Section):
    """The Jira project for a team's issues, and the fields of the issues.

    `assignee` is an account id on Cloud, and a user name on Data Center.

    `done` and `reopen` are names of transitions; the first available one is used. With `remind`, reminders add a
    comment; otherwise they only update the description.
    """

    project: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    issue_type: Name = "Task"
    component: Name | None = None
    assignee: Name | None = None
    priority: dict[Severity, Name] = PRIORITY
    labels: list[Label] = []
    least_severity: Severity = "medium"
    done: list[Name] = DONE
    reopen: list[Name] = REOPEN
    remind: bool = False


class Routing(_Section):
    """Settings for all teams; `jira` is the project for findings without an owner (None: no issues).

    Findings without an owner go to `fallback_channel`, or to `fallback_channels` by severity and category.
    With `incidents`, findings with the same cause are notified once; otherwise, each finding is notified by itself.
    """

    fallback_channel: Address = "#finops"
    fallback_channels: list[ChannelRoute] = []
    owner_tags: list[str] = ["team", "owner"]
    required_tags: list[str] = ["team"]
    intent_tags: list[str] = ["intent"]
    incidents: bool = True
    jira: Jira | None = None

    @model_validator(mode="after")
    def _check_one_form(self) -> Self:
        if self.fallback_channels and "fallback_channel" in self.model_fields_set:
            raise ValueError(
                "found both `fallback_channel` and `fallback_channels`; remove one of these keys"
            )
        return self

    @property
    def routes(self) -> list[ChannelRoute]:
        """The channels of findings without an owner."""
        return self.fallback_channels or [ChannelRoute(to=self.fallback_channel)]


class Owns(_Section):
    """What a team owns: account ids, OU paths (including the OUs below them), and tag values by key."""

    accounts: list[str] = []
    ous: list[str] = []
    tags: dict[str, list[str]] = {}


class Team(_Section):
    """A team, the section `[teams.NAME]`; `monthly_budget` is in the billing currency.

    It has either `channel`, for all findings, or `channels`, by severity and category.
    """

    channel: Address | None = None
    channels: Annotated[list[ChannelRoute], Field(validate_default=True)] = []
    jira: Jira | None = None
    owns: Owns = Owns()
    monthly_budget: Money | None = None

    @field_validator("channels")
    @classmethod
    def _check_one_form(cls, channels: list[ChannelRoute], info: ValidationInfo) -> list[ChannelRoute]:
        if "channel" not in info.data:  # it is invalid, which is already reported
            return channels
        if channels and info.data["channel"] is not None:
            raise ValueError("found both `channel` and `channels`; remove one of these keys")
        if not channels and info.data["channel"] is None:
            raise ValueError('found neither `channel` nor `channels`; add channel = "#…"')
        return channels

    @property
    def routes(self) -> list[ChannelRoute]:
        """The channels of the team."""
        return self.channels or [ChannelRoute(to=str(self.channel))]


@dataclass(frozen=True)
class Rule:
    """A row of `owner_rules`: resources with this tag, account or OU belong to `team`; `place` orders tag keys."""

    rule: str
    key: str | None
    value: str | None
    team: str | None
    place: int


class Owners(_Section):
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
            if rule.rule == "account" and not re.fullmatch(r"\d{12}", rule.value or ""):
                yield f"teams.{rule.team}.owns.accounts: found '{rule.value}', expected a 12-digit account ID."
            other = claims.setdefault((rule.rule, rule.key, rule.value), rule.team)
            if other != rule.team:
                named = f"{rule.key}={rule.value}" if rule.key else rule.value
                yield (
                    f"teams.{rule.team} and teams.{other} both own the {rule.rule} {named}. "
                    f"Assign this {rule.rule} to one team."
                )
        yield from route_mistakes("routing.fallback_channels", self.routing.routes)
        for name, team in self.teams.items():
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
        """The rows of the tables about owners; focuswatch.bill.schema.table_columns.OWNERS defines the columns."""
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

    def owner(
        self, *, tags: Tags | None, account_id: str | None, account_tags: Tags | None, ou_path: str | None
    ) -> tuple[str | None, OwnedBy]:
        """Return the team and the rule that determined it; (None, 'fallback') without an owner."""
        links: tuple[tuple[str | None, OwnedBy], ...] = (
            (self._by_tag(tags), "resource tag"),
            (self._by_tag(account_tags), "account tag"),
            (self._by_account(account_id), "account"),
            (self._by_ou(ou_path), "ou"),
        )
        return next((link for link in links if link[0] is not None), (None, "fallback"))

    def purpose(
        self,
        *,
        tags: Tags | None,
        account_id: str | None,
        account_tags: Tags | None,
        resource_id: str | None,
        team: str | None,
    ) -> tuple[str | None, str | None]:
        """Return the use case and the intent of a resource of `team`; None if they are not set."""
        tag_values = [_normalized(source) for source in (tags, account_tags)]
        name = use_case_of(
            self.plan_rules, resource_id=resource_id, tag_values=tag_values, account_id=account_id, team=team
        )
        if name is not None:
            return name, self.use_cases[name].intent
        return None, intent_of(self.plan_rules, tag_values=tag_values)

    def _by_tag(self, tags: Tags | None) -> str | None:
        # Tags of the caller are last, because they override tags of the inference profile that was called.
        values = {
            plain_key(key): value.strip()
            for key, value in sorted((tags or {}).items(), key=lambda tag: is_principal_key(tag[0]))
            if value and value.strip()
        }
        key = next((key for key in self.tag_keys if key in values), None)
        if key is None:
            return None
        if not self.teams:  # without a file, the tag's value is the team's name
            return values[key]
        claims = ((rule.key, rule.value, rule.team) for rule in self.rules if rule.rule == "tag")
        return next(
            (team for owned, value, team in claims if (owned, value) == (key, values[key].lower())), None
        )

    def _by_account(self, account_id: str | None) -> str | None:
        return next((name for name, team in self.teams.items() if account_id in team.owns.accounts), None)

    def _by_ou(self, ou_path: str | None) -> str | None:
        if not ou_path:
            return None
        path = "/" + ou_path.strip("/") + "/"
        owned = [rule for rule in self.rules if rule.rule == "ou" and path.startswith(f"{rule.value}/")]
        return max(owned, key=lambda rule: len(rule.value or ""), default=Rule("", None, None, None, 0)).team


def _normalized(tags: Tags | None) -> set[tuple[str | None, str | None]]:
    """Return bare keys with their values, as rules compare them."""
    return {(plain_key(key), value.strip().lower()) for key, value in (tags or {}).items() if value}


def _lines(error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        key = ".".join(map(str, problem["loc"]))
        if problem["type"] == "value_error":  # a sentence from a validator here, which says what was found
            yield f"{key}: {problem['ctx']['error']}."
        else:
            yield f"{key}: {problem['msg']}, found {problem['input']!r}"
