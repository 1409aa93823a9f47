"""Names of columns and files as SQL identifiers and literals."""

import glob
from collections.abc import Iterable

from focuswatch.engines.sql_values import literal


def quoted(name: str) -> str:
    """Return a column's name as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def file_list(paths: Iterable[str]) -> str:
    """Return files as a list of literals; DuckDB takes a name for a pattern, so `a[b]` would be read as `ab`."""
    return f"[{', '.join(literal(glob.escape(path)) for path in paths)}]"
