"""Format the columns of a detection's row as text: the names of evidence columns, and values for placeholders. Pure."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from focuswatch.findings.amount_text_without_currency import amount

# Columns with numbers that are not money: whole values are shown without decimals.
MEASURE = re.compile(r"(^|_)(hours|percent|share|utilization|tokens|days|gb)(_|$)")


def evidence_label(column: str) -> str:
    """Return the name of an evidence column in messages: the column name, or a clearer one where it is ambiguous."""
    if column.endswith("_before"):
        return f"previous_{evidence_label(column.removesuffix('_before'))}"
    labels = {"continues": "still_occurring", "moved": "changed", "peak_hours": "peak_hours_per_day"}
    return labels.get(column, column)


def display_values(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the text that replaces each placeholder `{column}` in a `reason` or `action`."""
    return {key: _shown(value, is_measure=MEASURE.search(key) is not None) for key, value in row.items()}


def _shown(value: Any, *, is_measure: bool = False) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float() | Decimal():
            return amount(value).removesuffix(".00") if is_measure else amount(value)
        case int():
            return f"{value:,}"
        case list() | tuple():
            return ", ".join(map(_shown, value))
        case Mapping():
            return ", ".join(f"{key}={_shown(one)}" for key, one in value.items())
    return str(value)
