"""Render a notification as a CloudEvent 1.0 in structured JSON.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
"""

import json
from typing import Any

from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification

CONTENT_TYPE = "application/cloudevents+json"
TYPE_PREFIX = "dev.focuswatch.finding"


def cloud_event(delivery: QueuedNotification, *, source: str) -> dict[str, Any]:
    """Return the event. The same notification always produces the same event, with the same `id`."""
    finding = delivery.finding
    return {
        "specversion": "1.0",
        "id": delivery.notification_id,
        "source": source,
        "type": f"{TYPE_PREFIX}.{delivery.kind}",
        "subject": finding.fingerprint,
        "time": f"{finding.as_of}T00:00:00Z",
        "datacontenttype": "application/json",
        "data": finding.model_dump(mode="json", by_alias=True),
    }


def event_body(event: dict[str, Any]) -> bytes:
    """Return the bytes to sign and send: JSON in ASCII, because names in a bill can contain any character."""
    return json.dumps(event, ensure_ascii=True, separators=(",", ":")).encode("ascii")
