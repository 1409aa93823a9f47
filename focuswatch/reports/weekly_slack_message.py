"""Render a weekly digest as a Slack message. Its heading is also the text of the push notification."""

from typing import Any

from focuswatch.notify.slack.block_kit_elements import (
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
from focuswatch.notify.slack.escape_and_shorten_slack_text import escaped_within
from focuswatch.reports.page.sign_and_verify_page_link import LINK_DAYS
from focuswatch.reports.weekly_digest import Week

LINE_CHARACTERS = 300


def render_weekly_message(week: Week, *, page: str | None = None) -> dict[str, Any]:
    """Return the message. Names of accounts and services appear as plain text, not as Slack markup.

    `page` is the URL of the report page.
    """
    lines = bullets([words(line, most=LINE_CHARACTERS)] for line in week.lines)
    return {
        "text": escaped_within(week.heading, 500),
        "blocks": [
            header(week.heading),
            rich(lines, *_page_link(page)),
            context(
                f"Complete days are all days before {week.as_of} except the two most recent, whose charges can "
                "still change."
            ),
        ],
    }


def _page_link(page: str | None) -> list[Block]:
    """Return the link to the report page and the number of days for which it is valid; nothing without a page."""
    if page is None:
        return []
    return [section([link(page, "Open the full report"), spaced(f" (link valid for {LINK_DAYS} days)")])]
