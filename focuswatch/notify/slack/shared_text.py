"""Text and metadata that a message and the replies in its thread share."""

from datetime import date
from typing import Any

from focuswatch.findings.amount_text import days_open
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


def not_waste_label(finding: Finding) -> str:
    """Return the label of the response that mutes a finding: only waste can be not waste."""
    return "Not waste" if finding.category == "waste" else "Expected"


def days_open_text(finding: Finding, *, today: date) -> str:
    """Return how long the finding is open, e.g. `9 days`."""
    number = days_open(finding, today=today)
    return "1 day" if number == 1 else f"{number} days"
