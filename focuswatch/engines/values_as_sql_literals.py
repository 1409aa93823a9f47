"""Write values as typed SQL literals.

Values from files and bills reach SQL only through this module.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Expression:
    """SQL in place of a value, such as `current_date` in a saved query. It must never come from a file or a bill."""

    sql: str


Scalar = str | bool | int | float | date | Expression | None
Value = Scalar | Sequence[Scalar] | Sequence[tuple[Scalar, ...]]

# Maximum bytes of the values in one statement. Athena accepts 262,144 bytes of SQL; the rest is for the statement and
# the tables prepended to it. https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
MOST_GIVEN_BYTES = 150_000
NOT_IN_COMMENT = re.compile(r"[^0-9A-Za-z_ .-]+")


def literal(value: Scalar) -> str:
    """Return a value as a literal for DuckDB and Trino: `DATE '…'`, `'it''s'`, `1.5E0` (a double), `true`, `NULL`."""
    match value:
        case Expression(sql):
            return sql
        case None:
            return "CAST(NULL AS varchar)"
        case bool():
            return "true" if value else "false"
        case float() | Decimal() if not math.isfinite(value):
            name = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
            return f"CAST('{name}' AS double)"
        case int() | Decimal():
            return str(value)
        case float():
            return f"{value!r}E0" if "e" not in repr(value) else repr(value).upper()
        case date():
            return f"DATE '{value:%Y-%m-%d}'"
        case str():
            return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"cannot write a value of type {type(value).__name__} as a SQL literal: {value!r}")


def literals(value: Value) -> str:
    """Return a scalar as one literal, a list as `a, b`, a list of rows as `(a, b), (c, d)`, an empty list as NULL."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return literal(value)
    if not value:
        return literal(None)
    return ", ".join(
        "(" + ", ".join(map(literal, item)) + ")" if isinstance(item, tuple) else literal(item)
        for item in value
    )


def comment_text(text: str) -> str:
    """Return text without the characters that would end a SQL comment, or that Athena rejects in one (`;`, quotes)."""
    return NOT_IN_COMMENT.sub(" ", text)


def portions(rows: Iterable[tuple[Scalar, ...]]) -> Iterator[list[tuple[Scalar, ...]]]:
    """Yield the rows in lists that each fit into one statement."""
    portion: list[tuple[Scalar, ...]] = []
    taken = 0
    for row in rows:
        size = len(literals([row]).encode("utf-8", "surrogatepass"))
        if portion and taken + size > MOST_GIVEN_BYTES:
            yield portion
            portion, taken = [], 0
        portion.append(row)
        taken += size + len(", ")
    if portion:
        yield portion
