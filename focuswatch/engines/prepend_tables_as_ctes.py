"""Prepend tables that are not stored to the statements that read them, as common table expressions (CTEs)."""

import re
from collections.abc import Mapping

from focuswatch.engines.find_tables_read_by_sql import tables_read_by
from focuswatch.engines.skip_or_remove_sql_comments import TOKEN


def with_tables(statement: str, tables: Mapping[str, str]) -> str:
    """Return `statement`, preceded by those of `tables` (name → SELECT) that it reads, in the order of `tables`."""
    needed = tables_read_by(statement, tables)
    if not needed:
        return statement
    before = ",\n".join(f"{name} AS (\n{sql}\n)" for name, sql in tables.items() if name in needed)
    if own := re.match(r"\s*WITH\s+", statement, re.IGNORECASE):
        return f"WITH {before},\n{statement[own.end() :]}"
    return f"WITH {before}\n{statement}"


def replace_table(statement: str, table: str, *, select: str) -> str:
    """Return `statement` with `select` in place of `table`; `select` itself may read `table`."""
    name = f"selected_{table}"
    # A string or a comment may contain the name.
    words = re.compile(rf"{TOKEN.pattern}|\b{table}\b", re.DOTALL)
    quoted = f'"{table}"'
    renamed = words.sub(lambda found: name if found[0] in (table, quoted) else found[0], statement)
    return with_tables(renamed, {name: select})
