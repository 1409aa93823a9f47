"""Validate a request with operational events that a CI system posts, and determine its S3 key.

The collector later adds the stored events to the table `events`, see store_events.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from focuswatch.bill.schema.columns_of_all_tables import EVENTS
from focuswatch.collect.parse_ci_event_files import POSTED, UnreadableFileError, events_of_file

MOST_POSTED_BYTES = 64_000
MOST_POSTED_EVENTS = 100
MOST_CHARACTERS = 1_000  # per value


def posted_lines(body: bytes) -> bytes:
    """Return the events in the body of a request as JSON Lines, with known columns only.

    The body is a JSON object, a list of objects, or JSON Lines. Raises UnreadableFileError with what to change.
    """
    if len(body) > MOST_POSTED_BYTES:
        raise UnreadableFileError(
            f"the request has {len(body):,} bytes; expected at most {MOST_POSTED_BYTES:,}. Send fewer events"
        )
    rows = list(_rows(body))
    if not 1 <= len(rows) <= MOST_POSTED_EVENTS:
        raise UnreadableFileError(f"{len(rows)} events, expected 1 to {MOST_POSTED_EVENTS}")
    known = [{name: row[name] for name in EVENTS if row.get(name) is not None} for row in rows]
    long = {name for row in known for name, value in row.items() if len(str(value)) > MOST_CHARACTERS}
    if long:
        raise UnreadableFileError(
            f"{', '.join(sorted(long))}: more than {MOST_CHARACTERS:,} characters; shorten the value"
        )
    lines = "\n".join(json.dumps(row) for row in known).encode()
    events_of_file("posted.jsonl", lines)
    return lines + b"\n"


def posted_key(id: str, *, day: date) -> str:
    """Return the S3 key for the events of a request; a repeated request with the same ID replaces the object."""
    return f"{POSTED}{day}/{hashlib.sha256(id.encode()).hexdigest()[:32]}.jsonl"


def _rows(body: bytes) -> Iterator[dict[str, Any]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFileError("not UTF-8 text; send UTF-8") from error
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):  # not a single JSON value, so try JSON Lines
        content = [
            _line(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()
        ]
    for row in content if isinstance(content, list) else [content]:
        if not isinstance(row, dict):
            raise UnreadableFileError(
                "expected JSON objects with the keys occurred_at, sub_account_id and kind"
            )
        yield row


def _line(number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UnreadableFileError(
            f"line {number}: not JSON; send one JSON object, or one object per line"
        ) from error
