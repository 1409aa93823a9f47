"""Render a finding as an event of the PagerDuty Events API v2. Sends no request."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from focuswatch.findings.cost_increase_explanation_text import explanation_sentences
from focuswatch.findings.evidence_labels_and_values_that_fill_placeholders import display_values
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import full_amount, main_amount
from focuswatch.findings.replace_control_characters import visible
from focuswatch.findings.severity import Severity
from focuswatch.notify.one_line_and_truncated_text import one_line, truncate
from focuswatch.notify.place_and_owner_names import account_of_finding, owner_of_finding, region_id_of_finding
from focuswatch.notify.related_findings_and_region_rollout_text import incident_lines, rollout_extent

# https://developer.pagerduty.com/docs/send-alert-event
SUMMARY_CHARACTERS = 1024
# Below the limit of 512 KB for an event: https://developer.pagerduty.com/docs/events-api-v2-overview#size-limits
EVENT_BYTES = 500_000
FIELD_CHARACTERS = 255  # not a PagerDuty limit; keeps lists of alerts readable
SEVERITIES: dict[Severity, str] = {
    "critical": "critical",
    "high": "error",
    "medium": "warning",
    "low": "info",
}


def dedup_key(finding: Finding) -> str:
    """Return the key of the incident's alert, at most 255 characters. Events with the same key update one alert."""
    return f"focuswatch-{finding.incident_id}"


def render_trigger(finding: Finding, *, links: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the event that opens the alert or updates the open one; `links` maps texts to URLs (None: left out)."""
    event: dict[str, Any] = {
        "event_action": "trigger",
        "dedup_key": dedup_key(finding),
        "client": "focuswatch",
        "payload": {
            "summary": _summary(finding),
            "source": _line(finding.resource_id or account_of_finding(finding) or "AWS bill"),
            "severity": SEVERITIES[finding.incident_severity],
            "component": _line(finding.service_name or "AWS"),
            "group": _line(finding.team or "no owner"),
            "class": finding.detection,
            "custom_details": _details(finding),
        },
        "links": [{"href": url, "text": text} for text, url in links.items() if url],
    }
    if len(json.dumps(event, ensure_ascii=False).encode("utf-8", errors="replace")) > EVENT_BYTES:
        event["payload"]["custom_details"].pop("evidence", None)  # all other fields together are far smaller
    return event


def render_follow_up(key: str, action: Literal["acknowledge", "resolve"]) -> dict[str, Any]:
    """Return the event that acknowledges or resolves the alert with a dedup key."""
    return {"event_action": action, "dedup_key": key}


def _summary(finding: Finding) -> str:
    """Return title, place and amount in one line, because a phone notification shows nothing else."""
    places = (
        (rollout_extent(finding.rollout),)
        if finding.rollout
        else (account_of_finding(finding), finding.region_id)
    )
    where = f" in {joined}" if (joined := ", ".join(filter(None, places))) else ""
    return _line(f"{finding.title}{where}: {main_amount(finding)}", most=SUMMARY_CHARACTERS)


def _details(finding: Finding) -> dict[str, Any]:
    """Return the details in the order in which a responder reads them, without empty ones."""
    proof = {name: value for name, value in finding.evidence.items() if value is not None}
    explanation = finding.explanation
    details = {
        "what_happened": visible(finding.reason),
        "same_cause": [visible(text) for text in incident_lines(finding)],
        "amount": full_amount(finding),
        "what_to_do": visible(finding.action),
        "account": account_of_finding(finding),
        "region": region_id_of_finding(finding),
        "resource": finding.resource_id,
        "service": finding.service_name,
        "owner": owner_of_finding(finding),
        "first_seen": str(finding.first_seen),
        "root_cause": explanation
        and [visible(line) for line in explanation_sentences(explanation, currency=finding.currency)],
        "finding": f"{finding.detection} {finding.fingerprint}",
        "evidence": {name: visible(value) for name, value in display_values(proof).items()},
    }
    return {
        name: visible(value) if isinstance(value, str) else value for name, value in details.items() if value
    }


def _line(text: str, *, most: int = FIELD_CHARACTERS) -> str:
    return truncate(one_line(text), most)
