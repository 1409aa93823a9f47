"""Text of a bill as a terminal may show it: what would move its cursor, or turn a line round, is made visible."""

import re

# Control characters other than line feeds and tabs, and those that change the direction of writing:
# https://trojansource.codes
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """`text` with a mark in place of each character that acts instead of being seen."""
    return UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def escaped_json(text: str) -> str:
    """JSON that means the same, with those characters written as `\\u…`."""
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
