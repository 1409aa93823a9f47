"""Assign charges to use cases by rules, which are the rows of the table `plan_rules`. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import product
from typing import Literal

from focuswatch.owners.use_cases_section import INTENTS, UseCase

TagValues = Set[tuple[str | None, str | None]]


@dataclass(frozen=True)
class PlanRule:
    """A row of `plan_rules`: charges with this tag value, account, resource or team belong to `use_case`.

    For a resource, `value` is a prefix of its name if `key` is 'prefix', or else the whole name. `place` orders use
    cases: the first in the file takes precedence. An 'intent_key' is a tag key whose value is the intent.
    """

    rule: Literal["resource", "tag", "account", "team", "intent_key"]
    key: str | None
    value: str | None
    use_case: str | None
    place: int


def rules_of(name: str, use_case: UseCase, *, place: int, bare_keys: Mapping[str, str]) -> Iterator[PlanRule]:
    """Yield the rows of `plan_rules` for a use case; `bare_keys` maps its tag keys to the keys that are compared."""
    rows = use_case.rows
    for resource in rows.resources:
        key = "prefix" if resource.endswith("*") else None
        yield PlanRule("resource", key, resource.removesuffix("*"), name, place)
    for tag, values in rows.tags.items():
        for value in values:
            yield PlanRule("tag", bare_keys[tag], value.strip().lower(), name, place)
    for account in rows.accounts:
        yield PlanRule("account", None, account, name, place)
    if not rows.is_set and use_case.team:
        yield PlanRule("team", None, use_case.team, name, place)


def use_case_of(
    rules: Iterable[PlanRule],
    *,
    resource_id: str | None,
    tag_values: Sequence[TagValues],
    account_id: str | None,
    team: str | None,
) -> str | None:
    """Return the use case of a charge, by the same rule as athena_sql/tables/owned_days.sql; None if none matches.

    The order of precedence is resource, resource tags, account tags, account, team. `tag_values` are the resource tags
    and the account tags, with bare keys.
    """
    rules = list(rules)
    named = [
        rule
        for rule in rules
        if rule.rule == "resource"
        and resource_id is not None
        and (resource_id.startswith(rule.value or "") if rule.key else resource_id == rule.value)
    ]
    if named:
        return max(named, key=lambda rule: 2 * len(rule.value or "") + (rule.key is None)).use_case
    tagged = (
        min(
            (rule for rule in rules if rule.rule == "tag" and (rule.key, rule.value) in values),
            key=_place,
            default=None,
        )
        for values in tag_values
    )
    held = (("account", account_id), ("team", team))
    owned = (
        next((rule for rule in rules if (rule.rule, rule.value) == one and rule.value), None) for one in held
    )
    return next((rule.use_case for rule in (*tagged, *owned) if rule), None)


def intent_of(rules: Iterable[PlanRule], *, tag_values: Sequence[TagValues]) -> str | None:
    """Return the intent that a tag states; None without such a tag."""
    keys = sorted((rule for rule in rules if rule.rule == "intent_key"), key=_place)
    candidates = product(tag_values, keys, INTENTS)
    return next((intent for values, rule, intent in candidates if (rule.key, intent) in values), None)


def _place(rule: PlanRule) -> int:
    return rule.place


def conflicting_claims(rules: Iterable[PlanRule]) -> Iterator[str]:
    """Yield a sentence for each rule that two use cases share."""
    claims: dict[tuple[str, str | None, str | None], str] = {}
    for rule in rules:
        if rule.use_case is None:
            continue
        other = claims.setdefault((rule.rule, rule.key, rule.value), rule.use_case)
        if other != rule.use_case:
            named = f"{rule.key}={rule.value}" if rule.rule == "tag" else rule.value
            both = f"use_cases.{rule.use_case} and use_cases.{other}"
            yield f"{both} both match the {rule.rule} {named}. Assign this {rule.rule} to only one use case."
