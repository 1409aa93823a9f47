"""Find the tables that a statement reads, directly or through other tables."""

import re
from collections.abc import Mapping

from focuswatch.engines.skip_or_remove_sql_comments import without_comments_and_strings


def tables_read_by(statement: str, tables: Mapping[str, str]) -> set[str]:
    """Return the names of those of `tables` that a statement reads, directly or through other tables."""
    needed: set[str] = set()
    unread = [statement]
    while unread:
        words = set(re.findall(r"\w+", without_comments_and_strings(unread.pop())))
        newly_needed = (words & tables.keys()) - needed
        needed |= newly_needed
        unread += [tables[name] for name in newly_needed]
    return needed
