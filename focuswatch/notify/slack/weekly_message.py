"""A team's week as a message: its first line is what a notification shows."""

from typing import Any

from focuswatch.notify.slack.blocks import (
    Block,
    bullets,
    context,
    header,
    link,
    rich,
    section,
    spaced,
    words,
)
from focuswatch.notify.slack.mrkdwn import escaped_within
from focuswatch.reports.page.signed_link import LINK_DAYS
from focuswatch.reports.weekly_summary import Week

LINE_CHARACTERS = 300


def render_weekly_message(week: Week, *, page: str | None = None) -> dict[str, Any]:
    """The message; nothing in it acts, whatever accounts and services are called. `page` is the page's address."""
    lines = bullets([words(line, most=LINE_CHARACTERS)] for line in week.lines)
    return {
        "text": escaped_within(week.heading, 500),
        "blocks": [
            header(week.heading),
            rich(lines, *_led_to(page)),
            context(f"The bill as of {week.as_of}; its two newest days still grow and do not count."),
        ],
    }


def _led_to(page: str | None) -> list[Block]:
    """The page, and for how long whoever reads this can open it."""
    if page is None:
        return []
    return [
        section(
            [link(page, "The page with all of it"), spaced(f" (this link opens it for {LINK_DAYS} days)")]
        )
    ]
