"""Write and read the metadata that identifies the Slack message of a finding in its channel.

https://docs.slack.dev/messaging/message-metadata
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from focuswatch.findings.finding import Finding
from focuswatch.notify.slack.message_poster_protocol import FoundMessage

EVENT_TYPE = "focuswatch_finding"


@dataclass(frozen=True)
class FindingMessage:
    """A message about a finding that was found in its channel, as identified by its metadata."""

    ts: str
    incident: str
    notification_id: str
    is_open: bool


def reply_metadata(finding: Finding, *, notification_id: str) -> dict[str, Any]:
    """Return the metadata of a reply in the thread of a finding's message."""
    return {
        "event_type": EVENT_TYPE,
        "event_payload": {
            "fingerprint": finding.fingerprint,
            "incident": finding.incident_id,
            "news_id": notification_id,
        },
    }


def message_metadata(finding: Finding, *, notification_id: str) -> dict[str, Any]:
    """Return the metadata of a finding's message."""
    found = reply_metadata(finding, notification_id=notification_id)
    return {**found, "event_payload": {**found["event_payload"], "status": finding.status}}


def finding_messages(messages: Iterable[FoundMessage]) -> Iterator[FindingMessage]:
    """Yield those messages that are about a finding; messages of earlier versions have no `incident`."""
    for message in messages:
        payload = message.payload
        if "fingerprint" in payload:
            yield FindingMessage(
                ts=message.ts,
                incident=payload.get("incident", payload["fingerprint"]),
                notification_id=payload["news_id"],
                is_open=payload.get("status") != "resolved",
            )
