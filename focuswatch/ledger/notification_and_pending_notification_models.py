"""A notification about a finding, and a pending notification: decided, but not sent yet. Pure values."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from focuswatch.findings.finding import Finding
from focuswatch.findings.related_finding_and_region_rollout_models import RelatedFinding

NotificationKind = Literal["new", "changed", "resolved", "reminder", "saving_verified"]
OVER: tuple[NotificationKind, ...] = ("resolved", "saving_verified")  # the finding is no longer open


class Notification(BaseModel):
    """A notification about one finding; `finding.status` states `kind` in the terms of the JSON schema.

    `saving_verified` follows `resolved`, once: `finding.verified_saving` has the saving on the bill.
    `in_digest`: it is minor or beyond the limit of its team, so that it goes into a digest with others.
    `in_incident`: the notification about the lead of its incident lists it, so that channels do not send it.
    `on_topic`: it is also sent to the topic of its detection. An incident sends one notification to each topic, which
    lists the other new findings of the detection in `others` (`others_count` counts all).
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
    """A notification that is decided but not sent yet, or was just sent.

    `number` is the same at every attempt, and grows with each notification of a finding. In DynamoDB, it starts at
    the millisecond in which the entry was created instead of 0, so that it grows even if an entry was lost. `after`
    is the number of the finding's previous notification; None if there is none.
    """

    number: int
    after: int | None
    notification: Notification

    @property
    def id(self) -> str:
        """The id by which a receiver recognizes a notification that arrives twice."""
        return f"{self.notification.finding.fingerprint}-{self.number}"
