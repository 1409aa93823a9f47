"""A suppression (a snooze or an exclusion), and which findings it covers. Pure values."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

SuppressionScope = Literal["fingerprint", "resource", "account", "team", "tag"]
ISSUE_SOURCE = "jira "  # prefix of the source of suppressions from closed issues


class Suppressible(Protocol):
    """The fields of a finding that suppressions compare; Finding and EntryHead have them."""

    @property
    def detection(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def category(self) -> str: ...
    @property
    def resource_id(self) -> str | None: ...
    @property
    def sub_account_id(self) -> str | None: ...
    @property
    def team(self) -> str | None: ...
    @property
    def tags(self) -> Mapping[str, Any]: ...
    @property
    def suppressible_by_team(self) -> bool: ...


class Suppression(BaseModel):
    """A snooze or an exclusion: no notifications for the findings in a scope, until a day (None: permanently).

    `source` identifies a request that may arrive twice: a button pressed in Slack, an issue closed in Jira.
    A suppression by tag covers security findings only with `security`, because an intruder can set tags.
    """

    model_config = ConfigDict(frozen=True)
    id: int = 0
    scope: SuppressionScope
    value: str
    detection: str | None = None
    author: str
    reason: str
    since: date
    until: date | None = None
    source: str | None = None
    security: bool = False

    def covers(self, finding: Suppressible) -> bool:
        """Return whether `finding` is in the scope, regardless of the day."""
        if self.detection not in (None, finding.detection):
            return False
        match self.scope:
            case "fingerprint":
                return finding.fingerprint == self.value
            case "resource":
                return finding.resource_id == self.value
            case "account":
                return finding.sub_account_id == self.value
            case "team":
                return finding.team == self.value and finding.suppressible_by_team
        if finding.category == "security" and not self.security:
            return False
        key, _, value = self.value.partition("=")
        return bool(finding.tags.get(key) == value)

    @property
    def is_closed_issue(self) -> bool:
        """Whether it was created because a person closed the issue of the finding."""
        return (self.source or "").startswith(ISSUE_SOURCE)

    @property
    def end_text(self) -> str:
        """Return `until 2026-07-01`, or that it has no end date."""
        return f"until {self.until}" if self.until else "with no end date"

    def is_active_on(self, day: date) -> bool:
        """Return whether the suppression has not expired on `day`."""
        return self.until is None or day < self.until
