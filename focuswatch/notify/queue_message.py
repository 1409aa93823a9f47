"""One message of the findings topic as it comes out of a queue, and whether its turn has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from focuswatch.findings.finding import Finding
from focuswatch.ledger.ledger_entry import Kind

# A change whose beginning nobody has told here (Slack was configured later) is told alone after so long.
PATIENCE_SECONDS = 900
# News that what is told here does not reach up to yet: the news between is tried again for a day, or is a dead letter
# that somebody may hand back, or may not. Less than that day, or this would be a dead letter too, and all after it.
GAP_SECONDS = 12 * 3600


@dataclass(frozen=True)
class QueuedNotification:
    """News of one finding; `number` grows with each news of it, `after` is the one before (None: the first)."""

    finding: Finding
    kind: Kind
    number: int
    after: int | None
    in_digest: bool
    age_seconds: float  # since it was put into the queue for the first time

    @property
    def news_id(self) -> str:
        """The same however often it comes."""
        return f"{self.finding.fingerprint}-{self.number}"

    @classmethod
    def from_record(cls, record: Mapping[str, Any], *, now: float) -> Self:
        """Of a record that SQS gives a Lambda, from a raw subscription. Raises ValueError or KeyError for another."""
        told = {name: one["stringValue"] for name, one in record["messageAttributes"].items()}
        return cls(
            finding=Finding.model_validate_json(record["body"]),
            kind=told["change"],
            number=notification_number(told["news_id"]),
            after=notification_number(told["after"]) if "after" in told else None,
            in_digest=told.get("told_in") == "digest",
            age_seconds=max(now - int(record["attributes"]["SentTimestamp"]) / 1000, 0),
        )

    def turn(self, told: int | None) -> Literal["now", "done", "wait"]:
        """Whether to tell it, where `told` is the number of the last that was told here (None: none is known)."""
        if told is None:
            follows = self.after is not None and self.age_seconds < PATIENCE_SECONDS
            return "wait" if follows else "now"
        if self.number <= told:
            return "done"
        follows = self.after is not None and self.after > told
        return "wait" if follows and self.age_seconds < GAP_SECONDS else "now"


def notification_number(news_id: str) -> int:
    """The number in a news id."""
    return int(news_id.rpartition("-")[2])
