"""Make text from a bill safe for a terminal: replace control characters and invisible characters."""

import json
import re

# Control characters other than line feed and tab, characters that change the direction of text
# (https://trojansource.codes), and characters without width that no script and no emoji needs. A person would copy
# these without seeing them, and mistake one name for another. From U+E0000: tags and variants of ideographs.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
    "\u00ad\u034f\u115f\u1160\u180e\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """Return `text` with a replacement character for each control or invisible character."""
    return UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def escaped_json(text: str) -> str:
    """Return equivalent JSON with control and invisible characters written as `\\u…`."""
    if text.isascii() and "\x7f" not in text:  # JSON already escapes the other control characters
        return text
    return UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text)
