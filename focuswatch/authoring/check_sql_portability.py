"""Check the text of a statement: it is portable between DuckDB, Trino and Athena, and builds no command from values.

Runs no SQL.
"""

import re
from collections.abc import Collection, Iterator

from focuswatch.engines.skip_or_remove_sql_comments import without_comments

# SQL that an engine does not support or interprets differently, with a portable replacement: docs/portable-sql.md.
NOT_PORTABLE = {
    r"(?<!:)::(?=\s*[A-Za-z])": "CAST(x AS type)",
    r"\bQUALIFY\b": "a subquery with row_number()",
    r"\bGROUP\s+BY\s+ALL\b": "GROUP BY with column names or positions",
    r"\bEXCLUDE\s*\(": "a list of column names",
    r"\bconcat\s*\(": "||",
    r"\b(string_agg|listagg)\s*\(": "array_join(array_agg(x ORDER BY x), ', ')",
    r"\bbit_or\s*\(": "bitwise_or_agg(x)",
    r"\bbit_count\s*\((?:[^(),]|\([^()]*\))*\)": "bit_count(x, 64)",
    r"\b(median|approx_percentile|percentile_cont|quantile)\s*\(": (
        "row_number() to select the one or two middle rows, then avg()"
    ),
    r"\b(date_add|date_parse|date_format|strftime|last_day|last_day_of_month|sequence|generate_series)\s*\(": (
        "CAST(d + INTERVAL '1' DAY * n AS date)"
    ),
    r"\bextract\s*\(\s*dow\b|\bdayofweek\s*\(": "day_of_week(d), which returns 1 for Monday",
    r"\b(approx_distinct|json_extract_scalar|to_utf8|from_unixtime|any_match|map_filter|transform|reduce)\s*\(": (
        "plain joins and UNNEST"
    ),
    r"(?<!ARRAY)\[\s*'": "element_at(map, key)",
    r"\bIGNORE\s+NULLS\b": "max() as a window function over the preceding rows",
    # If the row with the maximum y has a null x, Trino returns null and DuckDB returns the x of the next row.
    r"\b(max_by|min_by)\s*\((?!\s*coalesce\b)"
    r"(?!(?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*\)\s*FILTER\b)": (
        "max_by(x, y) FILTER (WHERE x IS NOT NULL)"
    ),
}


def sql_text_problems(sql: str, *, tables: Collection[str]) -> Iterator[str]:
    """Yield the problems of a statement; `tables` are the names of the catalog's tables."""
    code = without_comments(sql)
    yield from _portability_problems(code)
    yield from _concatenated_commands(code)
    yield from _names_of_tables(code, tables=tables)


def _portability_problems(code: str) -> Iterator[str]:
    for pattern, instead in NOT_PORTABLE.items():
        if found := re.search(pattern, code, re.IGNORECASE):
            line = _line_of(code, found.start())
            yield f"line {line} of the query: '{found[0]}' is not portable between DuckDB and Trino; use {instead}."


def _concatenated_commands(code: str) -> Iterator[str]:
    """Yield a problem for an AWS CLI command that SQL concatenates, because its values cannot be checked for safety."""
    if found := re.search(r"'[^']*\baws [a-z][^']*'\s*\|\|", code):
        yield (
            f"line {_line_of(code, found.start())} of the query: found an AWS CLI command that is built with ||. Write "
            "the command as one string with a {column} placeholder for each value, and return it in a column whose "
            "name ends in _command."
        )


def _names_of_tables(code: str, *, tables: Collection[str]) -> Iterator[str]:
    """Yield a problem for a WITH query with the name of a table: Athena and Trino run both in one WITH clause."""
    for query in re.finditer(r"(?:\bWITH\s+|,\s*)(\w+)\s+AS\s*\(", code, re.IGNORECASE):
        if query[1].lower() in tables:
            yield (
                f"line {_line_of(code, query.start(1))} of the query: the WITH query {query[1]} has the same name as a "
                "table in athena_sql/tables; use another name."
            )


def _line_of(code: str, position: int) -> int:
    return code[:position].count("\n") + 1
