"""Parse a notification from an SQS record, and decide whether to deliver it now, later, or not at all.

With raw message delivery, SNS allows ten attributes, and all ten are used for subscribers to filter on. So the fields
that only channels need are in the body, as `delivery` next to the finding's fields. Before incidents existed, they were
in the attributes `told_in` and `after`; queued messages that still have that form are parsed too.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from focuswatch.findings.finding import Finding
from focuswatch.ledger.notification_and_pending_notification_models import NotificationKind

# If the channel has never delivered a notification of the finding (for example, because Slack was configured later), a
# later notification waits this long for its predecessor and is then delivered without it.
FIRST_PREDECESSOR_WAIT_SECONDS = 900
# A notification waits this long for a predecessor that was not delivered to the channel. The predecessor is retried for
# a day, or is in the dead-letter queue and may never be redriven. The wait must be shorter than that day, or this
# notification would move to the dead-letter queue too.
PREDECESSOR_WAIT_SECONDS = 12 * 3600


DeliveryForm = Literal["message", "digest", "incident"]


class DeliveryHints(BaseModel):
    """How channels deliver a notification: separately, in a digest, or (`incident`) only as part of the lead's.

    `after` is the id of the finding's previous notification, None for the first.
    """

    model_config = ConfigDict(frozen=True)
    told_in: DeliveryForm = "message"
    after: str | None = None


@dataclass(frozen=True)
class QueuedNotification:
    """A notification of a finding; `number` grows with each one, `after` is the previous number (None: the first).

    `in_incident` means that the notification of the incident's lead names this finding, so channels send no separate
    message.
    """

    finding: Finding
    kind: NotificationKind
    number: int
    after: int | None
    in_digest: bool
    age_seconds: float  # since it was first sent to the queue
    in_incident: bool = False

    @property
    def notification_id(self) -> str:
        """Return the id of the notification, which is the same for each delivery attempt."""
        return f"{self.finding.fingerprint}-{self.number}"

    @classmethod
    def from_record(cls, record: Mapping[str, Any], *, now: float) -> Self:
        """Parse an SQS record from a subscription with raw message delivery. Raises ValueError or KeyError."""
        attributes = {name: value["stringValue"] for name, value in record["messageAttributes"].items()}
        hints = _delivery_hints(record["body"], attributes)
        return cls(
            finding=Finding.model_validate_json(record["body"]),
            kind=attributes["change"],
            number=notification_number(attributes["news_id"]),
            after=notification_number(hints.after) if hints.after else None,
            in_digest=hints.told_in == "digest",
            age_seconds=max(now - int(record["attributes"]["SentTimestamp"]) / 1000, 0),
            in_incident=hints.told_in == "incident",
        )

    def when_to_deliver(
        self, last: int | None, *, other_as_of: date | None = None
    ) -> Literal["now", "done", "wait"]:
        """Return whether to deliver the notification `now`, skip it (`done`), or retry it later (`wait`).

        `last` is the number of the finding's last notification that the channel delivered (None: none known).
        `other_as_of` is set if the channel last delivered another finding of the incident, and is the `as_of` of that
        notification. The numbers of two findings do not show their order, but a finding does not become the lead again
        with an older bill.
        """
        if other_as_of is not None and last is None:
            return "done" if self.finding.as_of < other_as_of else "now"
        if last is None:
            follows = self.after is not None and self.age_seconds < FIRST_PREDECESSOR_WAIT_SECONDS
            return "wait" if follows else "now"
        if self.number <= last:
            return "done"
        follows = self.after is not None and self.after > last and other_as_of is None
        return "wait" if follows and self.age_seconds < PREDECESSOR_WAIT_SECONDS else "now"


def _delivery_hints(body: str, attributes: Mapping[str, str]) -> DeliveryHints:
    hints = json.loads(body).get("delivery")
    return DeliveryHints.model_validate(attributes if hints is None else hints)


def notification_number(notification_id: str) -> int:
    """Return the number in a notification id."""
    return int(notification_id.rpartition("-")[2])
