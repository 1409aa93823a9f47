"""Find the tables that a statement reads, directly or through other tables."""

import re
from collections.abc import Mapping
from functools import lru_cache

from focuswatch.engines.skip_or_remove_sql_comments import without_comments_and_strings


def tables_read_by(statement: str, tables: Mapping[str, str]) -> set[str]:
    """Return the names of those of `tables` that a statement reads, directly or through other tables, in any case."""
    needed: set[str] = set()
    unread = [statement]
    while unread:
        words = _words(unread.pop())
        newly_needed = {name for name in tables if name.lower() in words} - needed
        needed |= newly_needed
        unread += [tables[name] for name in newly_needed]
    return needed


@lru_cache(maxsize=200)  # the statements of a scan read the same tables
def _words(statement: str) -> frozenset[str]:
    """Return the words of a statement in lower case, because names in SQL have no case."""
    return frozenset(re.findall(r"\w+", without_comments_and_strings(statement).lower()))
