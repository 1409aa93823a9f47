"""Escape text for Slack and keep it within a length, so that text from a bill is never markup or a mention."""

from typing import Any

from focuswatch.findings.replace_control_characters import visible
from focuswatch.notify.one_line_and_truncated_text import one_line, truncate, utf16_length

HEADER_CHARACTERS = 150  # https://docs.slack.dev/reference/block-kit/blocks/header-block
TEXT_CHARACTERS = 4000  # `text`, shown in push notifications: https://docs.slack.dev/reference/methods/chat.postMessage#truncating
MODAL_TITLE_CHARACTERS = 24  # https://docs.slack.dev/reference/views/modal-views

ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escaped(text: str) -> str:
    """Return `text` escaped so that Slack shows it unchanged: https://docs.slack.dev/messaging/formatting-message-text#escaping."""
    return "".join(ENTITIES.get(sign, sign) for sign in visible(text))


def escaped_within(text: str, most: int) -> str:
    """Return `text` escaped, in at most `most` units, and never cut within an entity."""
    room = most
    while utf16_length(whole := escaped(truncate(text, room))) > most:
        room -= max(1, (utf16_length(whole) - most) // utf16_length(ENTITIES["&"]))
    return whole


def plain(text: str, *, most: int) -> dict[str, Any]:
    """Return a text object without markup, in which `:an_emoji:` stays text."""
    return {"type": "plain_text", "text": escaped_within(one_line(text) or "-", most), "emoji": False}
