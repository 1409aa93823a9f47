"""How focuswatch itself is, as one message for the FinOps channel: one green line, or what is wrong first."""

from typing import Any

from focuswatch.notify.slack.blocks import (
    Block,
    bullets,
    code,
    context,
    header,
    rich,
    section,
    within,
    words,
)
from focuswatch.notify.slack.mrkdwn import escaped_within, one_line
from focuswatch.operations.health_report import HealthProblem, Pulse

MOST_TROUBLES = 10
DETAIL_CHARACTERS = 300


def pulse_message(pulse: Pulse) -> dict[str, Any]:
    """The message: a notification shows its first line, and what is wrong."""
    troubles = [_trouble(one) for one in pulse.troubles[:MOST_TROUBLES]]
    told = [f"Looked at: {pulse.evaluated}", pulse.facts] if troubles else [pulse.facts]
    notes = [context(note) for note in pulse.notes]
    blocks = [header(pulse.headline), *troubles, context(*told), *notes]
    kept = within(blocks, spare=[*notes, *reversed(troubles[1:])])  # the first trouble is never left out
    shown = sum(block in kept for block in troubles)
    if shown < len(pulse.troubles):
        kept.append(
            context(f"{len(pulse.troubles) - shown} more have no room here: focuswatch doctor names them.")
        )
    said = "; ".join([pulse.headline, *(one.what for one in pulse.troubles)])
    return {"text": escaped_within(one_line(said), 500), "blocks": kept}


def _trouble(trouble: HealthProblem) -> Block:
    parts = [section([words(trouble.what, style="bold")])]
    if trouble.details:
        parts.append(bullets([words(one, most=DETAIL_CHARACTERS)] for one in trouble.details))
    return rich(*parts, section([words(trouble.mend)]), code(trouble.command))
