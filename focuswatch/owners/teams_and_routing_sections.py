"""The sections `[teams.NAME]` and `[routing]` of owners.toml: what teams own, their channels and Jira projects."""

from typing import Annotated, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from focuswatch.findings.severity import Severity
from focuswatch.owners.routes_by_severity_and_category import Address, ChannelRoute
from focuswatch.owners.section_base_class_and_shared_types import Amount, Name, OwnersSection

# Jira's default priorities, and the transitions of its default workflows. On Cloud, a transition is named after the
# status that it leads to; in the classic workflow of Data Center, after the action.
PRIORITY: dict[Severity, str] = {"critical": "Highest", "high": "High", "medium": "Medium", "low": "Low"}
DONE = ["Done", "Resolve Issue", "Close Issue", "Resolved", "Closed", "Resolve", "Close"]
REOPEN = ["Reopen", "Reopen Issue", "To Do", "Open", "Backlog"]

Label = Annotated[str, Field(pattern=r"^\S{1,255}$")]  # Jira allows no spaces in a label


class Jira(OwnersSection):
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


class Routing(OwnersSection):
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


class Owns(OwnersSection):
    """The charges that a team owns: by account ID, OU path (including the OUs below it), and tag values by key."""

    accounts: list[str] = []
    ous: list[str] = []
    tags: dict[str, list[str]] = {}


class Team(OwnersSection):
    """A team, the section `[teams.NAME]`; `monthly_budget` is in the billing currency.

    It has either `channel`, for all findings, or `channels`, by severity and category.
    """

    channel: Address | None = None
    channels: Annotated[list[ChannelRoute], Field(validate_default=True)] = []
    jira: Jira | None = None
    owns: Owns = Owns()
    monthly_budget: Amount | None = None

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
