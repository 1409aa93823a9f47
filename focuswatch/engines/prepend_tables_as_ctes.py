"""Prepend tables that are not stored to the statements that read them, as common table expressions (CTEs)."""

import re
from collections.abc import Mapping

NOT_SQL = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)


def with_tables(statement: str, tables: Mapping[str, str]) -> str:
    """Return `statement`, preceded by those of `tables` (name → SELECT) that it reads, in the order of `tables`."""
    needed = [name for name in tables if name in tables_read_by(statement, tables)]
    if not needed:
        return statement
    before = ",\n".join(f"{name} AS (\n{tables[name]}\n)" for name in needed)
    if own := re.match(r"\s*WITH\s+", statement, re.IGNORECASE):
        return f"WITH {before},\n{statement[own.end() :]}"
    return f"WITH {before}\n{statement}"


def replace_table(statement: str, table: str, *, select: str) -> str:
    """Return `statement` with `select` in place of `table`; `select` itself may read `table`."""
    name = f"selected_{table}"
    words = re.compile(rf"{NOT_SQL.pattern}|\b{table}\b", re.DOTALL)  # a string may contain the name
    renamed = words.sub(lambda found: name if found[0] == table else found[0], statement)
    return with_tables(renamed, {name: select})


def tables_read_by(statement: str, tables: Mapping[str, str]) -> set[str]:
    """Return the names of those of `tables` that a statement reads, directly or through other tables."""
    needed: set[str] = set()
    unread = [statement]
    while unread:
        words = set(re.findall(r"\w+", NOT_SQL.sub(" ", unread.pop())))
        newly_needed = (words & tables.keys()) - needed
        needed |= newly_needed
        unread += [tables[name] for name in newly_needed]
    return needed
