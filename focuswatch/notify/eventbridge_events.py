"""Put an event on EventBridge for each change to a finding, so that rules of the account can react to it.

At least once: the event is put before the notification is marked as sent. `news_id` identifies a repetition.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from focuswatch.errors import TryLater
from focuswatch.ledger.notification import PendingNotification

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

DETAIL_TYPE = "focuswatch finding"
ATTEMPTS = 3  # of an entry that fails although the request succeeds
RETRY_SECONDS = 60.0


@dataclass(frozen=True)
class FindingEvents:
    """The default event bus; `source` differs from that of the events that invoke the functions."""

    client: "EventBridgeClient"
    source: str

    def put(self, pending: PendingNotification) -> None:
        """Put the event of a notification. Raises TryLater if EventBridge does not accept it, and errors of boto3."""
        entry: Any = finding_event(pending, source=self.source)
        for _ in range(ATTEMPTS):
            response = self.client.put_events(Entries=[entry])
            if not response["FailedEntryCount"]:
                return
        (result,) = response["Entries"]
        raise TryLater(
            f"EventBridge rejected the event: {result.get('ErrorCode')}: {result.get('ErrorMessage')}",
            seconds=RETRY_SECONDS,
        )


def finding_event(pending: PendingNotification, *, source: str) -> dict[str, Any]:
    """Return the entry. The finding is far smaller than the 1 MB of an entry: see limit_finding_bytes.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
    """
    finding = pending.notification.finding
    detail = {"news_id": pending.id, **finding.model_dump(mode="json", by_alias=True)}
    is_arn = finding.resource_id is not None and finding.resource_id.startswith("arn:")
    return {
        "Source": source,
        "DetailType": f"{DETAIL_TYPE} {pending.notification.kind}",
        "Detail": json.dumps(detail, ensure_ascii=True),
        "Resources": [finding.resource_id] if is_arn else [],
    }
