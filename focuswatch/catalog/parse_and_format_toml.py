"""Parse TOML text so that every invalid text raises a ValueError with one sentence; write values, keys and comments."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# What a basic string must escape (https://toml.io/en/v1.0.0#string), and what a terminal would not show or obey.
ESCAPED = re.compile(
    '[\x00-\x1f"\\\\\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]'
)


def parse_toml(text: str) -> dict[str, Any]:
    """Return the tables of `text`. Raises ValueError with one sentence if it is not TOML.

    `tomllib` raises RecursionError for deeply nested arrays, and a plain ValueError for an integer of more digits
    than Python converts: https://docs.python.org/3/library/stdtypes.html#integer-string-conversion-length-limitation
    """
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("the values are nested too deeply") from error
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:
        raise ValueError("a number has too many digits") from error


def toml_value(value: Any) -> str:
    """Return a value as TOML: text, numbers, dates, lists, and mappings as inline tables."""
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
    """Return a key, quoted where TOML requires it."""
    return key if BARE_KEY.fullmatch(key) else _string(key)


def toml_comment(text: str) -> str:
    """Return a comment of one line; characters that would end it or that cannot be seen are replaced."""
    return "# " + ESCAPED.sub(lambda found: found[0] if found[0] in '"\\' else "\ufffd", text)


def _string(text: str) -> str:
    return '"' + ESCAPED.sub(_escape, text) + '"'


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return f"\\{character}" if character in '"\\' else f"\\U{ord(character):08x}"
