"""Format the account, owner, evidence columns and amounts of a finding as text. Pure."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from focuswatch.findings.finding import Finding, OwnedBy

WHOLE_FROM = 100  # smallest amount that is shown without decimals
# Columns with numbers that are not money: whole values are shown without decimals.
MEASURE = re.compile(r"(^|_)(hours|percent|share|utilization|tokens|days|gb)(_|$)")


def account_label(name: str | None, id: str | None) -> str | None:
    """Return `name (id)`, because two accounts may share a name; if one of them is missing, return the other."""
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
    """Return the text that replaces each placeholder `{column}` in a `reason` or `action`."""
    return {key: _shown(value, is_measure=MEASURE.search(key) is not None) for key, value in row.items()}


def evidence_label(column: str) -> str:
    """Return the name of an evidence column in messages: the column name, or a clearer one where it is ambiguous."""
    if column.endswith("_before"):
        return f"previous_{evidence_label(column.removesuffix('_before'))}"
    labels = {"continues": "still_occurring", "moved": "changed", "peak_hours": "peak_hours_per_day"}
    return labels.get(column, column)


def amount(value: float | Decimal) -> str:
    """Return money or a measure as text: two decimals below 100, none from 100 up."""
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
