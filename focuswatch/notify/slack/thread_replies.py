"""The replies in the thread of a finding's message: what changed, in a sentence."""

from datetime import date
from decimal import Decimal
from typing import Any

from focuswatch.findings.explanation_text import cost_driver_text, explanation_headline
from focuswatch.findings.finding import Finding
from focuswatch.ledger.ledger_entry import NotificationKind
from focuswatch.notify.slack.blocks import rich, section, words
from focuswatch.notify.slack.money_text import main_amount, saving, so_far, stake
from focuswatch.notify.slack.mrkdwn import TEXT_CHARACTERS, escaped_within, one_line
from focuswatch.notify.slack.shared_text import days, metadata, not_waste

STEP = "reached_percent"  # evidence of what is told step by step: the cost alone would not say which


def thread_note(
    finding: Finding,
    *,
    kind: NotificationKind,
    today: date,
    news_id: str,
    before: Finding | None = None,
    saved_daily: Decimal | None = None,
) -> dict[str, Any]:
    """The short reply in the thread: what changed, how long it is open, what is saved, or that it is back."""
    match kind:
        case "resolved":
            said = "Resolved. " + (saving(finding, saved_daily=saved_daily) or "The bill no longer shows it.")
        case "changed":
            said = " ".join(filter(None, (_change(finding, before=before), _why(finding))))
        case "reminder":
            said = _reminder(finding, today=today)
        case "new":
            said = f"It is back: {stake(finding)}. {finding.reason}"
    return {
        "text": escaped_within(one_line(said), TEXT_CHARACTERS),
        "blocks": [rich(section([words(said, most=1500)]))],
        "metadata": metadata(finding, news_id=news_id),
    }


def _change(finding: Finding, *, before: Finding | None) -> str:
    if before is None:
        return f"Now {stake(finding)}, {finding.severity}."
    said = f"Now {stake(finding)}; was {main_amount(before)}"
    if before.severity != finding.severity:
        said += f"; {finding.severity}, was {before.severity}"
    return said + "."


def _why(finding: Finding) -> str | None:
    """The excess in a sentence, and the part that weighs most; the message above has the others."""
    explanation = finding.explanation
    if explanation is None:
        return finding.reason if STEP in finding.evidence else None
    said = explanation_headline(explanation, currency=finding.currency)
    if not explanation.parts:
        return said
    return f"{said} Most of it: {cost_driver_text(explanation.parts[0], explanation)}."


def _reminder(finding: Finding, *, today: date) -> str:
    cost = so_far(finding, today=today)
    said = f"Still open after {days(finding, today=today)}" + (f", {cost}" if cost else "")
    return f"{said}: act, snooze it, or say that it is {not_waste(finding).lower()}."
