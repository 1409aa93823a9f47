"""The replies in the thread of a finding's message: what changed, in a sentence."""

from datetime import date
from decimal import Decimal
from typing import Any

from focuswatch.findings.amount_text import cost_so_far_text, full_amount, main_amount, saving_text
from focuswatch.findings.explanation_text import headline, part_said
from focuswatch.findings.finding import Finding
from focuswatch.ledger.ledger_entry import Kind
from focuswatch.notify.slack.blocks import rich, section, words
from focuswatch.notify.slack.mrkdwn import TEXT_CHARACTERS, escaped_within, one_line
from focuswatch.notify.slack.shared_text import days_open_text, metadata, not_waste_label

STEP = "reached_percent"  # evidence of what is told step by step: the cost alone would not say which


def render_thread_reply(
    finding: Finding,
    *,
    kind: Kind,
    today: date,
    news_id: str,
    before: Finding | None = None,
    saved_daily: Decimal | None = None,
) -> dict[str, Any]:
    """The short reply in the thread: what changed, how long it is open, what is saved, or that it is back."""
    match kind:
        case "resolved":
            said = "Resolved. " + (
                saving_text(finding, saved_daily=saved_daily) or "The bill no longer shows it."
            )
        case "changed":
            said = " ".join(filter(None, (_change(finding, before=before), _why(finding))))
        case "reminder":
            said = _reminder(finding, today=today)
        case "new":
            said = f"It is back: {full_amount(finding)}. {finding.reason}"
    return {
        "text": escaped_within(one_line(said), TEXT_CHARACTERS),
        "blocks": [rich(section([words(said, most=1500)]))],
        "metadata": metadata(finding, news_id=news_id),
    }


def _change(finding: Finding, *, before: Finding | None) -> str:
    if before is None:
        return f"Now {full_amount(finding)}, {finding.severity}."
    said = f"Now {full_amount(finding)}; was {main_amount(before)}"
    if before.severity != finding.severity:
        said += f"; {finding.severity}, was {before.severity}"
    return said + "."


def _why(finding: Finding) -> str | None:
    """The excess in a sentence, and the part that weighs most; the message above has the others."""
    explanation = finding.explanation
    if explanation is None:
        return finding.reason if STEP in finding.evidence else None
    said = headline(explanation, currency=finding.currency)
    if not explanation.parts:
        return said
    return f"{said} Most of it: {part_said(explanation.parts[0], explanation)}."


def _reminder(finding: Finding, *, today: date) -> str:
    cost = cost_so_far_text(finding, today=today)
    said = f"Still open after {days_open_text(finding, today=today)}" + (f", {cost}" if cost else "")
    return f"{said}: act, snooze it, or say that it is {not_waste_label(finding).lower()}."
