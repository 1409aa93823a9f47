"""What a ledger holds: entries about findings, silences people asked for, and what is news.

Pure values; `focuswatch.ledger.decide` says what follows from them, a ledger keeps them.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from focuswatch.findings.finding import Finding, Severity

EntryState = Literal["open", "resolved", "closed"]
NotificationKind = Literal["new", "changed", "resolved", "reminder"]
SuppressionScope = Literal["fingerprint", "resource", "account", "tag"]


class LedgerEntry(BaseModel):
    """What is known of one fingerprint.

    `told_*` is what its owner last heard (None: never; `notified_step` where a detection tells step by step),
    `saved_daily` the daily EffectiveCost that is really gone since it was resolved (None: not read again yet).
    `closed` is history that is told only once.
    `acknowledged_*`: somebody said that they know; that puts its reminder off, and nothing else.
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
    acknowledged_by: str | None = None
    acknowledged_on: date | None = None

    @property
    def fingerprint(self) -> str:
        """The finding's identity, and the entry's."""
        return self.finding.fingerprint


class Suppression(BaseModel):
    """Somebody's word that findings of a scope are not to be told, until a day (None: for good).

    `source` is what it came from, where that may come twice: a button pressed in Slack, an issue closed in Jira.
    `security`: that of a tag covers security findings too; else it does not, since whoever intrudes may tag.
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

    def covers(self, finding: Finding) -> bool:
        """Whether `finding` is what this is about, whatever the day."""
        if self.detection not in (None, finding.detection):
            return False
        match self.scope:
            case "fingerprint":
                return finding.fingerprint == self.value
            case "resource":
                return finding.resource_id == self.value
            case "account":
                return finding.sub_account_id == self.value
        if finding.category == "security" and not self.security:
            return False
        key, _, value = self.value.partition("=")
        return bool((finding.evidence.get("tags") or {}).get(key) == value)

    def is_active_on(self, day: date) -> bool:
        """Whether it has not run out on `day`."""
        return self.until is None or day < self.until


class Notification(BaseModel):
    """What is to be told of one finding; `finding.status` says it in the words of the schema.

    `in_digest`: its team hears so much at once that this one is told in sum with others.
    """

    model_config = ConfigDict(frozen=True)
    kind: NotificationKind
    finding: Finding
    in_digest: bool = False


@dataclass(frozen=True)
class PendingNotification:
    """A notification that was decided and not sent yet, or that was just sent.

    `number` is the same however often it is tried, and grows with each news of a finding. In DynamoDB it begins with
    the millisecond in which the entry was made and not with 0, so that it grows also where an entry was lost. `after`
    is the number of the news before, None where there is none.
    """

    number: int
    after: int | None
    notification: Notification

    @property
    def id(self) -> str:
        """Who it is, for whoever hears it twice."""
        return f"{self.notification.finding.fingerprint}-{self.number}"
