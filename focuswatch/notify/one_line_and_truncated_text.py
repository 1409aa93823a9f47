"""Put text on one line and truncate it for messages.

Lengths are in UTF-16 code units, as in a browser and in Teams. However Slack counts, it does not count more.
"""

import unicodedata

from focuswatch.findings.replace_control_characters import visible

JOINER = "\u200d"
ELLIPSIS = "…"


def one_line(text: str) -> str:
    """Return `text` on one line, because a name can contain line feeds."""
    return " ".join(visible(text).split())


def utf16_length(text: str) -> int:
    """Return the length of `text` in UTF-16 units; an emoji has two or more."""
    return len(text) + sum(sign > "\uffff" for sign in text)


def truncate(text: str, most: int) -> str:
    """Return `text` in at most `most` units, with an ellipsis if cut, and never cut within a visible character."""
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
    """Return whether `sign` joins the character before it: an accent, a joiner, a variation selector or a skin tone."""
    return (
        sign == JOINER
        or "\ufe00" <= sign <= "\ufe0f"
        or "\U0001f3fb" <= sign <= "\U0001f3ff"
        or unicodedata.combining(sign) != 0
    )
