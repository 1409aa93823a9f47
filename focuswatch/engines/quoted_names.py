"""Quote names of columns as SQL identifiers, and names of files as SQL literals."""

import glob
from collections.abc import Iterable

from focuswatch.engines.sql_values import literal


def quoted(name: str) -> str:
    """Return the name of a column as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def file_list(paths: Iterable[str]) -> str:
    """Return files as a list of literals, escaped because DuckDB reads names as patterns: `a[b]` would match `ab`."""
    return f"[{', '.join(literal(glob.escape(path)) for path in paths)}]"
