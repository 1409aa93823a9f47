"""Text that Slack shows as it stands: what a bill says is data, never markup and never a mention.

Lengths are counted in UTF-16 units, as a browser counts them: whatever Slack counts, it is not more.
"""

import re
import unicodedata
from typing import Any

from focuswatch.findings.visible_text import visible

HEADER_CHARACTERS = 150  # https://docs.slack.dev/reference/block-kit/blocks/header-block
SECTION_CHARACTERS = 3000  # https://docs.slack.dev/reference/block-kit/composition-objects/text-object
TEXT_CHARACTERS = 4000  # of `text`, which is what a notification shows: https://docs.slack.dev/reference/methods/chat.postMessage#truncating
MODAL_TITLE_CHARACTERS = 24  # https://docs.slack.dev/reference/views/modal-views

CUT_ENTITY = re.compile(r"&[a-z]{0,3}\Z")  # of `&amp;`, `&lt;`, `&gt;`, without its semicolon
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
JOINER = "\u200d"
ELLIPSIS = "…"


def seen(text: str) -> str:
    """`text` with a mark for each character that would act, or be copied, without being seen."""
    return visible(text)


def one_line(text: str) -> str:
    """`text` as it is seen, on one line: a name with a line feed makes no line of its own."""
    return " ".join(seen(text).split())


def utf16_length(text: str) -> int:
    """The length of `text` in UTF-16 units; an emoji has two or more."""
    return len(text) + sum(sign > "\uffff" for sign in text)


def truncate(text: str, most: int) -> str:
    """`text`, or as much of it as `most` units hold with the ellipsis, cut between characters as they are read."""
    text, whole = text[: most + 1], text
    if utf16_length(text) <= most:
        return whole
    end, room = 0, most - utf16_length(ELLIPSIS)
    for end, sign in enumerate(text):  # noqa: B007  the first sign that has no room ends it
        room -= utf16_length(sign)
        if room < 0:
            break
    while end and (_joins(text[end]) or text[end - 1] == JOINER):
        end -= 1
    return text[:end].rstrip() + ELLIPSIS


def _joins(sign: str) -> bool:
    """Whether `sign` belongs to the one before it: an accent, a joiner, a variant, a tone of skin."""
    return (
        sign == JOINER
        or "\ufe00" <= sign <= "\ufe0f"
        or "\U0001f3fb" <= sign <= "\U0001f3ff"
        or unicodedata.combining(sign) != 0
    )


def escaped(text: str) -> str:
    """Text that Slack shows as it is: https://docs.slack.dev/messaging/formatting-message-text#escaping."""
    return "".join(ENTITIES.get(sign, sign) for sign in seen(text))


def escaped_within(text: str, most: int) -> str:
    """`text` escaped, of at most `most` units, and never cut within an entity."""
    room = most
    while utf16_length(whole := escaped(truncate(text, room))) > most:
        room -= max(1, (utf16_length(whole) - most) // utf16_length(ENTITIES["&"]))
    return whole


def plain(text: str, *, most: int) -> dict[str, Any]:
    """A text object without markup; what looks like `:an_emoji:` stays what it is."""
    return {"type": "plain_text", "text": escaped_within(one_line(text) or "-", most), "emoji": False}


def mrkdwn(text: str) -> dict[str, Any]:
    """Markup whose data is escaped already; Slack makes no links and mentions of its own, and no entity is cut."""
    return {"type": "mrkdwn", "text": CUT_ENTITY.sub("", text[:SECTION_CHARACTERS]), "verbatim": True}
