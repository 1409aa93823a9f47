"""Find the tables that a statement reads, directly or through other tables."""

import re
from collections.abc import Mapping
from functools import lru_cache

from focuswatch.engines.skip_or_remove_sql_comments import without_comments_and_strings


def tables_read_by(statement: str, tables: Mapping[str, str]) -> set[str]:
    """Return the names of those of `tables` that a statement reads, directly or through other tables."""
    needed: set[str] = set()
    unread = [statement]
    while unread:
        newly_needed = (_words(unread.pop()) & tables.keys()) - needed
        needed |= newly_needed
        unread += [tables[name] for name in newly_needed]
    return needed


@lru_cache(maxsize=500)  # the statements of a scan read the same tables
def _words(statement: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", without_comments_and_strings(statement)))
