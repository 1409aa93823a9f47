"""Encode and decode cursors: the position of the next page of a list, as text that a client returns unchanged."""

import base64
import hashlib
import json

from focuswatch.errors import ConfigError


def encode_cursor(position: list[str | int], *, of: object) -> str:
    """Return the cursor of a position in a list; `of` identifies the list: the tool and its arguments."""
    content = json.dumps([_digest(of), *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *, of: object) -> list[str | int]:
    """Return the position in a cursor. Raises ConfigError if the cursor is invalid or belongs to another list."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        digest, *parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError) as error:
        raise ConfigError(
            "The cursor is not valid. Use the next_cursor of the previous page, or omit cursor."
        ) from error
    if digest != _digest(of):
        raise ConfigError(
            "The cursor is not valid for this call: the arguments differ from the call that returned the cursor, or "
            "the bill has changed. Repeat the arguments of that call, or omit cursor to start from the first page."
        )
    return [part if isinstance(part, int) else str(part) for part in parts]


def row_position(cursor: str | None, *, of: object) -> int:
    """Return the position of the first row of a page. Raises ConfigError for a bad cursor."""
    if cursor is None:
        return 0
    (position,) = decode_cursor(cursor, of=of)
    return int(position)


def _digest(of: object) -> str:
    return hashlib.sha256(repr(of).encode("utf-8", "replace")).hexdigest()[:8]
