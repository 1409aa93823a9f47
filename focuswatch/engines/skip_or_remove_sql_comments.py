"""Tell comments in SQL apart from text in strings and quoted names that looks like a comment."""

import re
from collections.abc import Callable

# Strings and quoted names, which cannot contain comments, and the two kinds of comments; none of them nests.
# https://github.com/trinodb/trino/blob/435/core/trino-parser/src/main/antlr4/io/trino/sql/parser/SqlBase.g4
TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|(?P<comment>--[^\r\n]*|/\*.*?\*/)""", re.DOTALL)


def without_comments(statement: str) -> str:
    """Return the statement with a space in place of each comment."""
    return TOKEN.sub(lambda match: " " if match["comment"] else match[0], statement)


def without_comments_and_strings(statement: str) -> str:
    """Return the statement with a space in place of each comment and string; quoted names stay."""
    return TOKEN.sub(lambda match: match[0] if match[0].startswith('"') else " ", statement)


def change_outside_comments(statement: str, change: Callable[[str], str]) -> str:
    """Return the statement with `change` applied to each part between two comments."""
    parts, end = [], 0
    for match in TOKEN.finditer(statement):
        if match["comment"]:
            parts += [change(statement[end : match.start()]), match[0]]
            end = match.end()
    return "".join([*parts, change(statement[end:])])
