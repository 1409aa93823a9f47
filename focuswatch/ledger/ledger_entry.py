"""The values a ledger stores: entries about findings, suppressions, and notifications.

Pure values; `focuswatch.ledger.decide_ledger_changes` decides how they change, a ledger stores them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from focuswatch.findings.finding import Finding, Severity
from focuswatch.findings.related_findings_and_rollout import RelatedFinding

EntryState = Literal["open", "resolved", "closed"]
NotificationKind = Literal["new", "changed", "resolved", "reminder", "saving_verified"]
OVER: tuple[NotificationKind, ...] = ("resolved", "saving_verified")  # the finding is no longer open
SuppressionScope = Literal["fingerprint", "resource", "account", "team", "tag"]
ISSUE_SOURCE = "jira "  # prefix of the source of suppressions from closed issues


class Suppressible(Protocol):
    """The fields of a finding that suppressions compare; a Finding and an EntryHead have them."""

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


class LedgerEntry(BaseModel):
    """The state of one fingerprint.

    `notified_*` is the content of the owner's last notification (None: never notified; `notified_step` where the
    detection notifies step by step). It is stored as `told_*`, as earlier versions wrote it.
    `saved_daily` is the daily EffectiveCost that is no longer charged since the finding was resolved (None: the bill
    was not read again yet); it changes for 30 days, and includes days before `resolved_on` until `saving_verified_on`,
    the day on which it was verified and notified. A `closed` entry is an event that is notified once and has grown old.
    `acknowledged_*`: a person has acknowledged the finding, which postpones its reminder and nothing else.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)
    finding: Finding
    state: EntryState = "open"
    notified_on: date | None = Field(default=None, alias="told_on")
    notified_cost: Decimal | None = Field(default=None, alias="told_cost")
    notified_severity: Severity | None = Field(default=None, alias="told_severity")
    notified_step: tuple[str | float, ...] = Field(default=(), alias="told_step")
    resolved_on: date | None = None
    saved_daily: Decimal | None = None
    saving_verified_on: date | None = None
    acknowledged_by: str | None = None
    acknowledged_on: date | None = None

    @property
    def fingerprint(self) -> str:
        """The finding's identity, and the entry's."""
        return self.finding.fingerprint


class Suppression(BaseModel):
    """A snooze or an exclusion: no notifications for findings in a scope, until a day (None: permanently).

    `source` identifies a request that may arrive twice: a button pressed in Slack, an issue closed in Jira.
    `security`: a suppression by tag covers security findings too; without it it does not, since an intruder can tag.
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
        """Return whether `finding` is in the scope, on any day."""
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
        """Whether a person closed the issue of the finding."""
        return (self.source or "").startswith(ISSUE_SOURCE)

    def is_active_on(self, day: date) -> bool:
        """Return whether it has not expired on `day`."""
        return self.until is None or day < self.until


class Notification(BaseModel):
    """A message about one finding; `finding.status` says the same as `kind`, in the words of the schema.

    `saving_verified` follows `resolved`, once: `finding.verified_saving` has what the bill shows.
    `in_digest`: the team gets so many notifications at once that this one goes into a summary with others.
    `in_incident`: the notification of its incident's lead names it, so that channels send nothing of its own.
    `on_topic`: the topic of its detection gets it, once for each incident together with the new findings in `others`
    (`others_count` counts all).
    """

    model_config = ConfigDict(frozen=True)
    kind: NotificationKind
    finding: Finding
    in_digest: bool = False
    in_incident: bool = False
    on_topic: bool = True
    others: tuple[RelatedFinding, ...] = ()
    others_count: int = 0


@dataclass(frozen=True)
class PendingNotification:
    """A notification that was decided and is not sent yet, or was just sent.

    `number` is the same at every attempt, and grows with each notification of a finding. In DynamoDB it starts at
    the millisecond in which the entry was created and not at 0, so that it grows even if an entry was lost. `after`
    is the number of the finding's previous notification, None where there is none.
    """

    number: int
    after: int | None
    notification: Notification

    @property
    def id(self) -> str:
        """The identity by which a receiver recognizes a notification that arrives twice."""
        return f"{self.notification.finding.fingerprint}-{self.number}"
