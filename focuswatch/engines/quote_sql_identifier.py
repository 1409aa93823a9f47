"""Quote names of columns as SQL identifiers."""


def quoted(name: str) -> str:
    """Return the name of a column as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'
