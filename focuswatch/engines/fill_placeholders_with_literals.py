"""Fill the `$name` placeholders of a statement with SQL literals; comments stay as they are."""

import re
from collections.abc import Mapping

from focuswatch.engines.skip_or_remove_sql_comments import change_outside_comments, without_comments
from focuswatch.engines.values_as_sql_literals import Value, literals

PLACEHOLDER = re.compile(r"\$([a-z][a-z0-9_]*)")


def placeholders(sql: str) -> set[str]:
    """Return the names of the `$name` placeholders outside comments."""
    return set(PLACEHOLDER.findall(without_comments(sql)))


def render(sql: str, values: Mapping[str, Value]) -> str:
    """Return `sql` with every placeholder replaced by its literal. Raises KeyError if a placeholder has no value."""
    return change_outside_comments(
        sql, lambda part: PLACEHOLDER.sub(lambda match: literals(values[match.group(1)]), part)
    )
