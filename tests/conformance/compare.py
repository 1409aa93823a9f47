"""Compare the rows of two engines: values, types, nulls, and the order that ORDER BY defines."""

import math
import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from focuswatch.engines import Row
from focuswatch.engines.skip_or_remove_sql_comments import without_comments

# Sums of doubles depend on the order in which they are added.
TOLERANCE = 1e-9
KINDS: tuple[type, ...] = (bool, int, float, Decimal, str, datetime, date, list, dict)
LAST_ORDER = re.compile(r"\bORDER\s+BY\s+([^()]*?)(\s+LIMIT\s+\S+)?$", re.IGNORECASE)


def difference(duckdb: Sequence[Row], trino: Sequence[Row], *, sql: str = "") -> str | None:
    """Return the first difference as text, or None. Order is compared if the statement `sql` ends with ORDER BY."""
    if len(duckdb) != len(trino):
        return f"DuckDB has {len(duckdb)} rows, Trino {len(trino)}: {_extra_row(duckdb, trino)}"
    for duckdb_row, trino_row in zip(_sorted(duckdb), _sorted(trino), strict=True):
        if list(map(str.lower, duckdb_row)) != list(map(str.lower, trino_row)):
            return f"columns: DuckDB {list(duckdb_row)}, Trino {list(trino_row)}"
        for name, value, trino_value in zip(duckdb_row, duckdb_row.values(), trino_row.values(), strict=True):
            if not same(value, trino_value):
                return f"{name}: DuckDB {value!r}, Trino {trino_value!r}, in {duckdb_row}"
    return _difference_in_order(duckdb, trino, columns=order_by_columns(sql))


def _difference_in_order(
    duckdb: Sequence[Row], trino: Sequence[Row], *, columns: Sequence[str]
) -> str | None:
    """Return the first difference in order by these columns.

    If a float equals that of a neighboring row except for the last digit, the rows may be in either order, so the
    following columns are not compared.
    """
    for place, (one, other) in enumerate(zip(duckdb, trino, strict=True)):
        neighbors = [*duckdb[max(place - 1, 0) : place], *duckdb[place + 1 : place + 2]]
        for name in (name for name in columns if name in one):
            if not same(one[name], other[name]):
                return f"order, row {place}, {name}: DuckDB {one[name]!r}, Trino {other[name]!r}"
            if isinstance(one[name], float) and any(same(one[name], row[name]) for row in neighbors):
                break
    return None


def order_by_columns(sql: str) -> list[str]:
    """Return the columns of a statement's last ORDER BY."""
    match = LAST_ORDER.search(without_comments(sql).strip())
    return re.findall(r"(?:^|,)\s*(?:\w+\.)?(\w+)", match[1]) if match else []


def same(one: Any, other: Any) -> bool:
    """Return whether two values and their types are equal: null is not 0, 1 is not 1.0, and 2.50 is not 2.5."""
    if _kind(one) is not _kind(other):
        return False
    match one:
        case float():
            return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE) or (
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
    """Sort by exact values first, so that the last digit of a double does not change the order."""
    return sorted(
        rows,
        key=lambda row: (_exact(row), [f"{value:.6g}" for value in row.values() if isinstance(value, float)]),
    )


def _exact(row: Row) -> str:
    values = ((value if not isinstance(value, dict) else sorted(value.items())) for value in row.values())
    return repr([value for value in values if not isinstance(value, float)])


def _extra_row(duckdb: Sequence[Row], trino: Sequence[Row]) -> str:
    more, fewer, engine = (duckdb, trino, "DuckDB") if len(duckdb) > len(trino) else (trino, duckdb, "Trino")
    unmatched = [_exact(row) for row in fewer]
    for row in more:
        if _exact(row) in unmatched:
            unmatched.remove(_exact(row))
        else:
            return f"{engine} alone has {row}"
    return f"{engine} has a row more than once"
