"""A notification as it arrives from a queue, and whether it is its turn in the order of its finding.

SNS allows ten attributes with raw delivery, all of which are for subscribers to filter on. What only channels need is
in the body, as `delivery` beside the finding's fields. Before incidents it was in the attributes `told_in` and `after`;
messages that are still in a queue in that form are read as well.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from focuswatch.findings.finding import Finding
from focuswatch.ledger.notification import NotificationKind

# A change of a finding that this channel does not know (Slack was configured later) is delivered alone after this time.
PATIENCE_SECONDS = 900
# A notification whose predecessor was not delivered here waits this long: the predecessor is retried for a day, or is a
# dead letter that may never be redriven. Shorter than that day, or this one would become a dead letter too.
GAP_SECONDS = 12 * 3600


ToldIn = Literal["message", "digest", "incident"]


class DeliveryHints(BaseModel):
    """How channels deliver a notification: by itself, in a digest, or (`incident`) only as part of its lead's.

    `after` is the id of the finding's previous notification, None for the first.
    """

    model_config = ConfigDict(frozen=True)
    told_in: ToldIn = "message"
    after: str | None = None


@dataclass(frozen=True)
class QueuedNotification:
    """A notification of a finding; `number` grows with each, `after` is the previous number (None: the first).

    `in_incident`: the notification of its incident's lead names it, and channels send nothing of its own.
    """

    finding: Finding
    kind: NotificationKind
    number: int
    after: int | None
    in_digest: bool
    age_seconds: float  # since it was first sent to the queue
    in_incident: bool = False

    @property
    def news_id(self) -> str:
        """Return the id, the same for each delivery attempt."""
        return f"{self.finding.fingerprint}-{self.number}"

    @classmethod
    def from_record(cls, record: Mapping[str, Any], *, now: float) -> Self:
        """Read a record that SQS passes to Lambda, of a raw subscription. Raises ValueError or KeyError."""
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

    def turn(self, last: int | None, *, other_as_of: date | None = None) -> Literal["now", "done", "wait"]:
        """Return whether to deliver it; `last` is the number of the last one delivered here (None: none known).

        `other_as_of`: another finding of the incident was delivered last, as of that day. The numbers of two findings
        say nothing about their order, but a lead does not come back with an older bill.
        """
        if other_as_of is not None and last is None:
            return "done" if self.finding.as_of < other_as_of else "now"
        if last is None:
            follows = self.after is not None and self.age_seconds < PATIENCE_SECONDS
            return "wait" if follows else "now"
        if self.number <= last:
            return "done"
        follows = self.after is not None and self.after > last and other_as_of is None
        return "wait" if follows and self.age_seconds < GAP_SECONDS else "now"


def _delivery_hints(body: str, attributes: Mapping[str, str]) -> DeliveryHints:
    hints = json.loads(body).get("delivery")
    return DeliveryHints.model_validate(attributes if hints is None else hints)


def notification_number(news_id: str) -> int:
    """Return the number in a notification id."""
    return int(news_id.rpartition("-")[2])
