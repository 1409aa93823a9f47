"""Format values, keys and comments as TOML, so that no text can end its value or add a key."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# Characters that a basic string must escape (https://toml.io/en/v1.0.0#string), and invisible or control characters
# that a terminal would hide or act on.
ESCAPED = re.compile(
    '[\x00-\x1f"\\\\\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]'
)


def toml_value(value: Any) -> str:
    """Return a value as TOML. Mappings become inline tables, values of other types become strings."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float() | date():
            return str(value)
        case Decimal():
            return format(value, "f")
        case Mapping():
            pairs = ", ".join(f"{toml_key(key)} = {toml_value(item)}" for key, item in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case list() | tuple():
            return "[" + ", ".join(map(toml_value, value)) + "]"
    return _string(str(value))


def toml_key(key: str) -> str:
    """Return a key, quoted if TOML requires it."""
    return key if BARE_KEY.fullmatch(key) else _string(key)


def toml_comment(text: str) -> str:
    """Return a one-line comment. Invisible characters, and those that would end the line, are replaced."""
    return "# " + ESCAPED.sub(lambda found: found[0] if found[0] in '"\\' else "\ufffd", text)


def _string(text: str) -> str:
    return '"' + ESCAPED.sub(_escape, text) + '"'


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return f"\\{character}" if character in '"\\' else f"\\U{ord(character):08x}"
