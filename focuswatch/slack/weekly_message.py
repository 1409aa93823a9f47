"""A team's week as a message: its first line is what a notification shows."""

from typing import Any

from focuswatch.slack.blocks import bullets, context, header, rich, words
from focuswatch.slack.text import escaped_within
from focuswatch.weekly import Week

LINE_CHARACTERS = 300


def weekly_message(week: Week) -> dict[str, Any]:
    """The message; nothing in it acts, whatever accounts and services are called."""
    lines = bullets([words(line, most=LINE_CHARACTERS)] for line in week.lines)
    return {
        "text": escaped_within(week.heading, 500),
        "blocks": [
            header(week.heading),
            rich(lines),
            context(f"The bill as of {week.as_of}; its two newest days still grow and do not count."),
        ],
    }
