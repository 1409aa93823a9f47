"""Evaluate the JQL that focuswatch uses; reject other queries, as Jira does."""

import re
from collections.abc import Callable

from tests.fakes.local_jira_rules import CATEGORY

DAY_SECONDS = 86_400


def matching(issues: list[dict], jql: str, *, now: float) -> list[str]:
    """Return the keys of the issues that match a query, in its order. Raise ValueError for an unsupported clause."""
    where, _, order = jql.partition(" ORDER BY ")
    for clause in where.split(" AND "):
        holds = _condition(clause.strip(), now=now)
        issues = [one for one in issues if holds(one)]
    for name in reversed([one.removesuffix(" ASC").strip() for one in order.split(",") if one.strip()]):
        issues.sort(key=lambda one, name=name: _sorted_by(name, one))
    return [one["key"] for one in issues]


def _condition(clause: str, *, now: float) -> Callable[[dict], bool]:
    if match := re.fullmatch(r'labels = "([^"\s]+)"', clause):
        label = match[1]
        return lambda one: label in one["labels"]
    if match := re.fullmatch(r"statusCategory (!?=) Done", clause):
        done = match[1] == "="
        return lambda one: (CATEGORY[one["status"]] == "done") == done
    if match := re.fullmatch(r"updated >= -(\d+)d", clause):
        since = now - int(match[1]) * DAY_SECONDS
        return lambda one: one["updated"] >= since
    raise ValueError(f"Error in the JQL Query: '{clause}'.")


def _sorted_by(name: str, one: dict) -> object:
    if name == "key":
        project, _, number = one["key"].rpartition("-")
        return project, int(number)
    if name == "created":
        return one["created"]
    raise ValueError(f"Field '{name}' does not exist.")
