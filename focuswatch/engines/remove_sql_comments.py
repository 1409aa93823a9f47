"""Remove comments from SQL, but not text in strings and quoted names that looks like a comment."""

import re

# Strings and quoted names, which cannot contain comments, and the two kinds of comments; none of them nests.
# https://github.com/trinodb/trino/blob/435/core/trino-parser/src/main/antlr4/io/trino/sql/parser/SqlBase.g4
TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|(?P<comment>--[^\r\n]*|/\*.*?\*/)""", re.DOTALL)


def without_comments(statement: str) -> str:
    """Return the statement with a space in place of each comment."""
    return TOKEN.sub(lambda match: " " if match["comment"] else match[0], statement)
