"""Make text of a bill safe for a terminal: control characters and invisible characters are replaced."""

import json
import re

# Control characters other than line feeds and tabs; those that change the direction of writing (https://trojansource.codes);
# and those without width that a name needs neither for emoji nor in any script: one would copy them unseen, and take
# one name for another. U+E0000 on: tags, and the variants of ideographs.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
    "\u00ad\u034f\u115f\u1160\u180e\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """Return `text` with a replacement character for each control or invisible character."""
    return UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def escaped_json(text: str) -> str:
    """Return equivalent JSON with those characters written as `\\u…`."""
    if text.isascii() and "\x7f" not in text:  # in JSON, the other control characters are escaped already
        return text
    return UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text)
