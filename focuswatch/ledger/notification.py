"""A notification about a finding, and one that was decided and is not sent yet. Pure values."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from focuswatch.findings.finding import Finding
from focuswatch.findings.incident_in_finding_json import RelatedFinding

NotificationKind = Literal["new", "changed", "resolved", "reminder", "saving_verified"]
OVER: tuple[NotificationKind, ...] = ("resolved", "saving_verified")  # the finding is no longer open


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
