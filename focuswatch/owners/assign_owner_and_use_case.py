"""Assign an owner and a use case to a charge or resource, as the table `owned_days` does in SQL. Pure.

The owner comes from the resource tag, account tag, account or OU, in this order, or else is the fallback.
"""

from collections.abc import Mapping

from focuswatch.catalog.strip_tag_key_prefixes import is_principal_key, plain_key
from focuswatch.findings.finding import OwnedBy
from focuswatch.owners.make_and_match_use_case_rules import intent_of, use_case_of
from focuswatch.owners.owners_file import Owners, Rule

Tags = Mapping[str, str | None]


def assigned_owner(
    owners: Owners,
    *,
    tags: Tags | None,
    account_id: str | None,
    account_tags: Tags | None,
    ou_path: str | None,
) -> tuple[str | None, OwnedBy]:
    """Return the team and the rule that determined it; (None, 'fallback') without an owner."""
    links: tuple[tuple[str | None, OwnedBy], ...] = (
        (_by_tag(owners, tags), "resource tag"),
        (_by_tag(owners, account_tags), "account tag"),
        (_by_account(owners, account_id), "account"),
        (_by_ou(owners, ou_path), "ou"),
    )
    return next((link for link in links if link[0] is not None), (None, "fallback"))


def assigned_purpose(
    owners: Owners,
    *,
    tags: Tags | None,
    account_id: str | None,
    account_tags: Tags | None,
    resource_id: str | None,
    team: str | None,
) -> tuple[str | None, str | None]:
    """Return the use case and the intent of a resource of `team`; None if they are not set."""
    tag_values = [_normalized(source) for source in (tags, account_tags)]
    name = use_case_of(
        owners.plan_rules, resource_id=resource_id, tag_values=tag_values, account_id=account_id, team=team
    )
    if name is not None:
        return name, owners.use_cases[name].intent
    return None, intent_of(owners.plan_rules, tag_values=tag_values)


def _by_tag(owners: Owners, tags: Tags | None) -> str | None:
    # Tags of the caller are last, because they override tags of the inference profile that was called.
    values = {
        plain_key(key): value.strip()
        for key, value in sorted((tags or {}).items(), key=lambda tag: is_principal_key(tag[0]))
        if value and value.strip()
    }
    key = next((key for key in owners.tag_keys if key in values), None)
    if key is None:
        return None
    if not owners.teams:  # without a file, the tag's value is the team's name
        return values[key]
    claims = ((rule.key, rule.value, rule.team) for rule in owners.rules if rule.rule == "tag")
    return next((team for owned, value, team in claims if (owned, value) == (key, values[key].lower())), None)


def _by_account(owners: Owners, account_id: str | None) -> str | None:
    return next((name for name, team in owners.teams.items() if account_id in team.owns.accounts), None)


def _by_ou(owners: Owners, ou_path: str | None) -> str | None:
    if not ou_path:
        return None
    path = "/" + ou_path.strip("/") + "/"
    owned = [rule for rule in owners.rules if rule.rule == "ou" and path.startswith(f"{rule.value}/")]
    return max(owned, key=lambda rule: len(rule.value or ""), default=Rule("", None, None, None, 0)).team


def _normalized(tags: Tags | None) -> set[tuple[str | None, str | None]]:
    """Return bare keys with their values, as rules compare them."""
    return {(plain_key(key), value.strip().lower()) for key, value in (tags or {}).items() if value}
