"""Render the replies in the thread of a finding's message: the change in one or two sentences."""

from datetime import date
from typing import Any

from focuswatch.findings.cost_increase_explanation_text import cost_driver_text, explanation_headline
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import (
    changed_amount,
    cost_so_far_text,
    days_open_text,
    full_amount,
)
from focuswatch.findings.saving_text import saving_text
from focuswatch.ledger.notification_and_pending_notification_models import NotificationKind
from focuswatch.notify.one_line_and_truncated_text import one_line
from focuswatch.notify.related_findings_and_region_rollout_text import joined_text, new_lead_text
from focuswatch.notify.response_actions_and_labels import not_waste_label
from focuswatch.notify.slack.block_kit_elements import rich, section, words
from focuswatch.notify.slack.escape_and_shorten_slack_text import TEXT_CHARACTERS, escaped_within
from focuswatch.notify.slack.message_metadata import reply_metadata

# Evidence of a detection that notifies at steps (percent of a limit); the amount alone does not show which was reached.
STEP = "reached_percent"


def render_thread_reply(
    finding: Finding,
    *,
    kind: NotificationKind,
    today: date,
    notification_id: str,
    before: Finding | None = None,
) -> dict[str, Any]:
    """Return the reply: what changed, how long the finding is open, what is saved, or that it was detected again."""
    match kind:
        case "resolved":
            text = "Resolved. " + (saving_text(finding) or "This finding is no longer detected on the bill.")
        case "saving_verified":
            text = saving_text(finding) or ""
        case "new" | "changed" if before and before.fingerprint != finding.fingerprint:
            text = new_lead_text(finding, before=before)
        case "changed":
            joined = joined_text(finding, before=before)
            is_same = joined and before and full_amount(finding) == full_amount(before)
            change = None if is_same else _change(finding, before=before)
            text = " ".join(filter(None, (joined, change, _root_cause(finding))))
        case "reminder":
            text = _reminder(finding, today=today)
        case "new":
            text = f"The finding was detected again: {full_amount(finding)}. {finding.reason}"
    return {
        "text": escaped_within(one_line(text), TEXT_CHARACTERS),
        "blocks": [rich(section([words(text, most=1500)]))],
        "metadata": reply_metadata(finding, notification_id=notification_id),
    }


def _change(finding: Finding, *, before: Finding | None) -> str:
    if before is None:
        return f"The amount is now {full_amount(finding)}. Severity: {finding.incident_severity}."
    text = f"{changed_amount(finding, before=before)}."
    if before.incident_severity != finding.incident_severity:
        text += f" Severity: {finding.incident_severity}, previously {before.incident_severity}."
    return text


def _root_cause(finding: Finding) -> str | None:
    """Return the excess in a sentence and the largest cost driver; the message above lists the others."""
    explanation = finding.explanation
    if explanation is None:
        return finding.reason if STEP in finding.evidence else None
    text = explanation_headline(explanation, currency=finding.currency)
    if not explanation.parts:
        return text
    driver = cost_driver_text(explanation.parts[0], explanation, currency=finding.currency)
    return f"{text} Largest cost driver: {driver}."


def _reminder(finding: Finding, *, today: date) -> str:
    cost = cost_so_far_text(finding, today=today)
    text = f"Still open after {days_open_text(finding, today=today)}" + (f"; {cost}" if cost else "")
    return f"{text}. Fix the cause, snooze the finding, or mark the finding as {not_waste_label(finding).lower()}."
