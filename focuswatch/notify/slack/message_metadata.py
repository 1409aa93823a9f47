"""Metadata that identifies a message in its channel."""

from typing import Any

from focuswatch.findings.finding import Finding

EVENT_TYPE = "focuswatch_finding"


def metadata(finding: Finding, *, news_id: str) -> dict[str, Any]:
    """Return the metadata that identifies a message in its channel: https://docs.slack.dev/messaging/message-metadata."""
    return {
        "event_type": EVENT_TYPE,
        "event_payload": {
            "fingerprint": finding.fingerprint,
            "incident": finding.incident_id,
            "news_id": news_id,
        },
    }
