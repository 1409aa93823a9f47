"""Escape and shorten text for Slack: text from a bill is data, never markup and never a mention.

Lengths are in UTF-16 units, as in a browser: however Slack counts, it does not count more.
"""

import unicodedata
from typing import Any

from focuswatch.findings.replace_control_characters import visible

HEADER_CHARACTERS = 150  # https://docs.slack.dev/reference/block-kit/blocks/header-block
TEXT_CHARACTERS = 4000  # of `text`, which a push notification shows: https://docs.slack.dev/reference/methods/chat.postMessage#truncating
MODAL_TITLE_CHARACTERS = 24  # https://docs.slack.dev/reference/views/modal-views

ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
JOINER = "\u200d"
ELLIPSIS = "…"


def one_line(text: str) -> str:
    """Return `text` on one line: a line feed in a name starts no new line."""
    return " ".join(visible(text).split())


def utf16_length(text: str) -> int:
    """Return the length of `text` in UTF-16 units; an emoji has two or more."""
    return len(text) + sum(sign > "\uffff" for sign in text)


def truncate(text: str, most: int) -> str:
    """Return `text` in at most `most` units, with an ellipsis if cut, never within a visible character."""
    text, whole = text[: most + 1], text
    if utf16_length(text) <= most:
        return whole
    end, room = 0, most - utf16_length(ELLIPSIS)
    for end, sign in enumerate(text):  # noqa: B007  the first sign that does not fit ends it
        room -= utf16_length(sign)
        if room < 0:
            break
    while end and (_joins(text[end]) or text[end - 1] == JOINER):
        end -= 1
    return text[:end].rstrip() + ELLIPSIS


def _joins(sign: str) -> bool:
    """Return whether `sign` belongs to the one before: an accent, a joiner, a variant, a skin tone."""
    return (
        sign == JOINER
        or "\ufe00" <= sign <= "\ufe0f"
        or "\U0001f3fb" <= sign <= "\U0001f3ff"
        or unicodedata.combining(sign) != 0
    )


def escaped(text: str) -> str:
    """Return text that Slack shows unchanged: https://docs.slack.dev/messaging/formatting-message-text#escaping."""
    return "".join(ENTITIES.get(sign, sign) for sign in visible(text))


def escaped_within(text: str, most: int) -> str:
    """Return `text` escaped, in at most `most` units, never cut within an entity."""
    room = most
    while utf16_length(whole := escaped(truncate(text, room))) > most:
        room -= max(1, (utf16_length(whole) - most) // utf16_length(ENTITIES["&"]))
    return whole


def plain(text: str, *, most: int) -> dict[str, Any]:
    """Return a text object without markup; `:an_emoji:` stays text."""
    return {"type": "plain_text", "text": escaped_within(one_line(text) or "-", most), "emoji": False}
