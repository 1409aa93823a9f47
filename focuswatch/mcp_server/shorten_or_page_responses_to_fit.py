"""Keep responses small: shorten text from the bill, and move rows that do not fit to the next page.

A response has at most RESPONSE_BYTES of compact JSON in UTF-8. English text has about four characters per token;
fingerprints, ARNs and numbers have fewer. Even with 2.4 bytes per token, a response has at most 2,000 tokens.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from focuswatch.errors import ConfigError
from focuswatch.findings.replace_control_characters import visible

RESPONSE_BYTES = 4_800
DATA = "data_from_bill"  # key of all text that someone other than the operator can write
MARK_BYTES = 400  # reserved on a page for its cursor and its counts
ROW_CHARACTERS = (100, 50, 20, 8)  # per text in a row; fewer if a single row exceeds a page

Row = TypeVar("Row")
Document = dict[str, Any]


class TextLimits(NamedTuple):
    """Maximum characters of a text, and maximum values of a list or a map."""

    text: int
    values: int


# Tried in this order, from whole texts to limits that fit any document.
LIMITS = (
    TextLimits(4_000, 100),
    TextLimits(1_000, 25),
    TextLimits(400, 15),
    TextLimits(150, 10),
    TextLimits(60, 8),
    TextLimits(20, 5),
)


@dataclass(frozen=True)
class Page:
    """Rows that fit one response, and the position of the first row of the next page; None on the last page."""

    rows: list[Any]
    next_start: int | None


def compact_json(document: object) -> str:
    """Return JSON without spaces."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def size_of(document: object) -> int:
    """Return the size of a document as compact JSON, in bytes."""
    return len(compact_json(document).encode("utf-8", "replace"))


def fit(build: Callable[[TextLimits], Document]) -> Document:
    """Return the document that `build` creates with the first limits that fit; other than the first set `shortened`."""
    document: Document = {}
    for limits in LIMITS:
        document = build(limits)
        if limits is not LIMITS[0]:
            document["shortened"] = True
        if size_of(document) <= RESPONSE_BYTES:
            return document
    raise ConfigError(
        "The response is too large to return. Use the command line instead, for example: "
        "focuswatch findings FINGERPRINT"
    )


def paged(
    rows: Sequence[Row], *, start: int, render: Callable[[Row, TextLimits], Any], head: Document
) -> Page:
    """Return the rows from `start` on that fit into one response together with `head`; at least one row."""
    room = RESPONSE_BYTES - MARK_BYTES - size_of(head)
    rendered: list[Any] = []
    for row in rows[start:]:
        one = _rendered(row, render=render, room=room if not rendered else RESPONSE_BYTES)
        room -= size_of(one) + 1
        if rendered and room < 0:
            break
        rendered.append(one)
    end = start + len(rendered)
    return Page(rendered, end if end < len(rows) else None)


def _rendered(row: Row, *, render: Callable[[Row, TextLimits], Any], room: int) -> Any:
    one: Any = None
    for characters in ROW_CHARACTERS:
        one = render(row, TextLimits(characters, 10))
        if size_of(one) <= room:
            break
    return one


def bill_data(value: Any, limits: TextLimits) -> Any:
    """Return a value from the bill as JSON: invisible characters are replaced, long texts and lists are shortened."""
    match value:
        case str():
            return _cut(visible(value), limits.text)
        case bool() | int() | None:
            return value
        case float() | Decimal():
            return _rounded(float(value))
        case date():
            return value.isoformat()
        case Mapping():
            return _cut_map(value, limits)
        case list() | tuple():
            kept = [bill_data(one, limits) for one in value[: limits.values]]
            return kept + [f"… and {len(value) - limits.values:,} more"] * (len(value) > limits.values)
    return _cut(visible(str(value)), limits.text)


def without_empty(document: Mapping[str, Any]) -> Document:
    """Return the entries that are neither None nor empty."""
    return {key: value for key, value in document.items() if value not in (None, "", [], {})}


def _cut_map(value: Mapping[Any, Any], limits: TextLimits) -> Document:
    names = list(value)[: limits.values]
    kept = {_cut(visible(str(name)), limits.text): bill_data(value[name], limits) for name in names}
    hidden = len(value) - limits.values
    return kept | ({"…": f"and {hidden:,} more"} if hidden > 0 else {})


def _cut(text: str, most: int) -> str:
    """Return `text`, or its beginning and its end, because the end of an ARN is the name of the resource."""
    if len(text) <= most:
        return text
    end = (most - 1) // 2
    return f"{text[: most - 1 - end]}…{text[len(text) - end :]}"


def _rounded(value: float) -> float | int | None:
    """Round to cents, or below 1 to four significant digits; a whole number becomes an int, NaN and infinity None."""
    if not math.isfinite(value):
        return None
    rounded = round(value, 2) if abs(value) >= 1 else float(f"{value:.4g}")
    return int(rounded) if rounded == int(rounded) else rounded
