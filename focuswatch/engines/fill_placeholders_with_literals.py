"""Statements with `$name` placeholders, which are filled in with literals."""

import re
from collections.abc import Mapping

from focuswatch.engines.sql_values import Value, literals

PLACEHOLDER = re.compile(r"\$([a-z][a-z0-9_]*)")


def placeholders(sql: str) -> set[str]:
    """Return names of the `$name` placeholders that stand outside comments."""
    return set(PLACEHOLDER.findall(re.sub(r"--[^\n]*", "", sql)))


def render(sql: str, values: Mapping[str, Value]) -> str:
    """`sql` with every placeholder replaced by its literal. Raises KeyError for one without a value."""
    return PLACEHOLDER.sub(lambda match: literals(values[match.group(1)]), sql)
