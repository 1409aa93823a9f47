"""Labels of a finding: account, owner, evidence columns, and the values in its texts. Pure."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from focuswatch.findings.finding import Finding, OwnedBy

# Columns of numbers that are not money; whole values are shown without decimals.
WHOLE_FROM = 100  # amounts from here on are rounded to whole ones
MEASURE = re.compile(r"(^|_)(hours|percent|share|utilization|tokens|days|gb)(_|$)")


def account_label(name: str | None, id: str | None) -> str | None:
    """Return `name (id)`, or only one of them if the other is missing: two accounts may share a name."""
    return f"{name} ({id})" if name and id else name or id


def owner_rule(owned_by: OwnedBy) -> str:
    """Return the rule that determined the owner: `by account tag`, `by OU`."""
    return {"ou": "by OU", "budget": "from budget name", "plan": "by use case or budget"}.get(
        owned_by, f"by {owned_by}"
    )


def owner_label(finding: Finding) -> str:
    """Return the owning team and how it was determined: `search (by account tag)`."""
    return f"{finding.team} ({owner_rule(finding.owned_by)})"


def display_values(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the text that replaces `{column}` in a `reason` or `action`."""
    return {key: _shown(value, is_measure=MEASURE.search(key) is not None) for key, value in row.items()}


def evidence_label(column: str) -> str:
    """Return the name of an evidence column in a message: the column's own, unless that is unclear without the rest."""
    if column.endswith("_before"):
        return f"previous_{evidence_label(column.removesuffix('_before'))}"
    labels = {"continues": "still_occurring", "moved": "changed", "peak_hours": "peak_hours_per_day"}
    return labels.get(column, column)


def amount(value: float | Decimal) -> str:
    """Return money or a measure as text: two decimals under a hundred, none from there on."""
    return f"{value:,.0f}" if round(abs(float(value)), 2) >= WHOLE_FROM else f"{value:,.2f}"


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
