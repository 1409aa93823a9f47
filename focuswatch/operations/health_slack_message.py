"""The daily health report as a Slack message for the FinOps channel: one line if healthy, else the problems first."""

from typing import Any

from focuswatch.notify.one_line_and_truncated_text import one_line
from focuswatch.notify.slack.block_kit_elements import (
    Block,
    bullets,
    code,
    context,
    fit_message,
    header,
    rich,
    section,
    words,
)
from focuswatch.notify.slack.escape_and_shorten_slack_text import escaped_within
from focuswatch.operations.health_report import HealthProblem, HealthReport

MAX_PROBLEMS = 10
DETAIL_CHARACTERS = 300


def health_message(report: HealthReport) -> dict[str, Any]:
    """Return the message. Its text, which a push notification shows, is the headline and the problems."""
    problems = [_problem(problem) for problem in report.problems[:MAX_PROBLEMS]]
    facts = [f"Evaluated: {report.evaluated}", report.facts] if problems else [report.facts]
    notes = [context(note) for note in report.notes]
    blocks = [header(report.headline), *problems, context(*facts), *notes]
    shown = fit_message(
        blocks, droppable=[*notes, *reversed(problems[1:])]
    )  # the first problem is always shown
    omitted = len(report.problems) - sum(block in shown for block in problems)
    if omitted:
        shown.append(
            context(
                f"{omitted} more {'problem is' if omitted == 1 else 'problems are'} not shown. Run: focuswatch doctor"
            )
        )
    text = "; ".join([report.headline, *(problem.summary for problem in report.problems)])
    return {"text": escaped_within(one_line(text), 500), "blocks": shown}


def _problem(problem: HealthProblem) -> Block:
    parts = [section([words(problem.summary, style="bold")])]
    if problem.details:
        parts.append(bullets([words(detail, most=DETAIL_CHARACTERS)] for detail in problem.details))
    return rich(*parts, section([words(problem.fix)]), code(problem.command))
