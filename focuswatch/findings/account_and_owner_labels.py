"""Format the account and the owner of a finding as text. Pure."""

from focuswatch.findings.finding import Finding, OwnedBy


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
