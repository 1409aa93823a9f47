"""Put an event on EventBridge for each notification of a finding, so that EventBridge rules can react to it.

Delivery is at least once, because the event is put before the notification is marked as sent. Duplicate events have the
same `news_id`.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from focuswatch.errors import DeliveryError
from focuswatch.ledger.notification_and_pending_notification_models import PendingNotification

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

DETAIL_TYPE = "focuswatch finding"
ATTEMPTS = 3  # for an entry that fails although the request succeeds


@dataclass(frozen=True)
class FindingEvents:
    """Puts events on the default bus; `source` differs from that of the events that invoke the functions."""

    client: "EventBridgeClient"
    source: str

    def put(self, pending: PendingNotification) -> None:
        """Put the event of a notification. Raises DeliveryError if EventBridge rejects it, and errors of boto3."""
        entry: Any = finding_event(pending, source=self.source)
        for _ in range(ATTEMPTS):
            response = self.client.put_events(Entries=[entry])
            if not response["FailedEntryCount"]:
                return
        (result,) = response["Entries"]
        raise DeliveryError(
            f"EventBridge rejected the event: {result.get('ErrorCode')}: {result.get('ErrorMessage')}"
        )


def finding_event(pending: PendingNotification, *, source: str) -> dict[str, Any]:
    """Return the entry for PutEvents.

    An entry may have 1 MB; limit_finding_bytes keeps a finding far smaller.
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
