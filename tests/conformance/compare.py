"""Whether two engines said the same: rows, nulls, decimals, and order where one is promised. Pure."""

import math
import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from focuswatch.engines import Row

SAME_TO = 1e-9  # relative: sums of doubles depend on the order in which they are added
KINDS: tuple[type, ...] = (bool, int, float, Decimal, str, datetime, date, list, dict)
LAST_ORDER = re.compile(r"\bORDER\s+BY\s+([^()]*?)(\s+LIMIT\s+\S+)?$", re.IGNORECASE)


def difference(duckdb: Sequence[Row], trino: Sequence[Row], *, sql: str = "") -> str | None:
    """Return the first difference as text; None if all rows are equal. `sql` shows whether the order is defined."""
    if len(duckdb) != len(trino):
        return f"DuckDB has {len(duckdb)} rows, Trino {len(trino)}: {_only(duckdb, trino)}"
    for one, other in zip(_sorted(duckdb), _sorted(trino), strict=True):
        if list(map(str.lower, one)) != list(map(str.lower, other)):
            return f"columns: DuckDB {list(one)}, Trino {list(other)}"
        for name, mine, yours in zip(one, one.values(), other.values(), strict=True):
            if not same(mine, yours):
                return f"{name}: DuckDB {mine!r}, Trino {yours!r}, in {one}"
    return _order(duckdb, trino, promised=promised_order(sql))


def _order(duckdb: Sequence[Row], trino: Sequence[Row], *, promised: Sequence[str]) -> str | None:
    """Return rows in another order; amounts that differ only in the last digit are equal for ordering."""
    for place, (one, other) in enumerate(zip(duckdb, trino, strict=True)):
        beside = [*duckdb[max(place - 1, 0) : place], *duckdb[place + 1 : place + 2]]
        for name in (name for name in promised if name in one):
            if not same(one[name], other[name]):
                return f"order, row {place}, {name}: DuckDB {one[name]!r}, Trino {other[name]!r}"
            if isinstance(one[name], float) and any(same(one[name], row[name]) for row in beside):
                break
    return None


def promised_order(sql: str) -> list[str]:
    """The columns that a statement's last ORDER BY names."""
    match = LAST_ORDER.search(re.sub(r"--[^\n]*", "", sql).strip())
    return re.findall(r"(?:^|,)\s*(?:\w+\.)?(\w+)", match[1]) if match else []


def same(one: Any, other: Any) -> bool:
    """Whether two values are: a null is no zero, an integer no double, 2.50 no 2.5."""
    if _kind(one) is not _kind(other):
        return False
    match one:
        case float():
            return math.isclose(one, other, rel_tol=SAME_TO, abs_tol=SAME_TO) or (
                math.isnan(one) and math.isnan(other)
            )
        case Decimal():
            return str(one) == str(other)
        case list():
            return len(one) == len(other) and all(map(same, one, other))
        case dict():
            return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def _kind(value: Any) -> type | None:
    if isinstance(value, tuple):
        return list
    return next((kind for kind in KINDS if isinstance(value, kind)), None)


def _sorted(rows: Sequence[Row]) -> list[Row]:
    """By what is exact first, so that a last digit of a double changes no places."""
    return sorted(
        rows,
        key=lambda row: (_exact(row), [f"{value:.6g}" for value in row.values() if isinstance(value, float)]),
    )


def _exact(row: Row) -> str:
    values = ((value if not isinstance(value, dict) else sorted(value.items())) for value in row.values())
    return repr([value for value in values if not isinstance(value, float)])


def _only(duckdb: Sequence[Row], trino: Sequence[Row]) -> str:
    more, fewer, who = (duckdb, trino, "DuckDB") if len(duckdb) > len(trino) else (trino, duckdb, "Trino")
    left = [_exact(row) for row in fewer]
    for row in more:
        if _exact(row) in left:
            left.remove(_exact(row))
        else:
            return f"{who} alone has {row}"
    return f"{who} has a row more than once"
