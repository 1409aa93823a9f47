"""Parse the event files that a CI system puts under `events/` in the bucket: CSV with a header, or JSON Lines.

store_events writes one Parquet file of the table `events` for each event file.
"""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from focuswatch.bill.schema.columns_of_all_tables import EVENTS, OPTIONAL_IN_EVENTS
from focuswatch.collect.collected_event import CollectedEvent

FOLDER = "events/"
POSTED = f"{FOLDER}webhook/"  # posted requests, one folder per day; see validate_posted_ci_events
CSV, JSON_LINES = (".csv",), (".jsonl", ".ndjson", ".json")
MOST_BYTES = 20_000_000
REQUIRED = [name for name in EVENTS if name not in OPTIONAL_IN_EVENTS]


class UnreadableFileError(Exception):
    """An event file cannot be parsed; the author of the file has to correct it."""


def events_of_file(key: str, body: bytes) -> list[CollectedEvent]:
    """Return the events in a file. Raises UnreadableFileError with the line, the problem and the expected value."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFileError("not UTF-8 text; save the file as UTF-8") from error
    rows = _csv_rows(text) if key.endswith(CSV) else _json_rows(text)
    return [_event(row, line=line) for line, row in rows]


def _csv_rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise UnreadableFileError(f"line {reader.line_num}: not CSV: {error}") from error


def _json_rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, part in enumerate(text.splitlines(), start=1):
        if not part.strip():
            continue
        try:
            row = json.loads(part)
        except (ValueError, RecursionError) as error:
            raise UnreadableFileError(f"line {line}: not JSON; write one object per line") from error
        if not isinstance(row, dict):
            raise UnreadableFileError(
                f"line {line}: expected a JSON object with the keys {', '.join(REQUIRED)}"
            )
        yield line, row


def _event(row: dict[str, Any], *, line: int) -> CollectedEvent:
    values = {name: str(row[name]).strip() for name in EVENTS if row.get(name) not in (None, "")}
    if missing := [name for name in REQUIRED if name not in values]:
        raise UnreadableFileError(f"line {line}: lacks {', '.join(missing)}")
    try:
        "".join(values.values()).encode()
    except UnicodeEncodeError as error:  # an unpaired surrogate, which JSON permits in a string
        raise UnreadableFileError(
            f"line {line}: contains an incomplete Unicode character; correct the text"
        ) from error
    try:
        at = datetime.fromisoformat(values["occurred_at"])
        at = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    except (ValueError, OverflowError) as error:
        raise UnreadableFileError(
            f"line {line}: occurred_at is '{values['occurred_at'][:40]}', expected a time such as 2026-06-04T14:20:00Z"
        ) from error
    return CollectedEvent(
        occurred_at=at,
        sub_account_id=values["sub_account_id"],
        region_id=values.get("region_id"),
        service_name=values.get("service_name"),
        resource_id=values.get("resource_id"),
        kind=values["kind"],
        reference=values.get("reference"),
    )
