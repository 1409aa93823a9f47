"""Find times without a four-digit year, which DuckDB parses as a wrong year: it reads `5/1/26` as the year 5.

The check runs only after a file was rejected, because it reads the whole file.
"""

import csv
import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING

from focuswatch.bill.ingest.detect_format_from_first_bytes import Format
from focuswatch.bill.schema import focus_column_expressions as expressions
from focuswatch.bill.schema import focus_columns_and_their_names_in_files as columns
from focuswatch.engines.duckdb_connection_macros_and_tables import file_list
from focuswatch.engines.quote_sql_identifier import quoted

if TYPE_CHECKING:
    import duckdb

NO_YEAR_FIRST = re.compile(r"\s*\d{1,3}[-/. ]")  # does not begin with a four-digit year


def misread_time(
    connection: "duckdb.DuckDBPyConnection", path: Path, *, format_: Format, delimiter: str, named: list[str]
) -> str | None:
    """Return an error message for the first time that does not begin with a four-digit year; None if there is none.

    `named` are the file's own names of the time columns.
    """
    misread = (
        _in_parquet(connection, path, named=named)
        if format_ == "parquet"
        else _in_text(path, format_=format_, delimiter=delimiter, named=named)
    )
    if misread is None:
        return None
    where, column, value = misread
    return (
        f"{path}{where}: {column} has the value {value!r}; expected a date and time like 2026-05-01 00:00:00. "
        "Correct the file"
    )


def _in_text(path: Path, *, format_: Format, delimiter: str, named: list[str]) -> tuple[str, str, str] | None:
    opened = gzip.open if format_ == "csv.gz" else open
    with opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.reader(file, delimiter=delimiter)
        try:
            header = [name.strip() for name in next(rows, [])]
            places = [(header.index(name), name) for name in named if name in header]
            line = rows.line_num + 1
            for row in rows:
                for place, name in sorted(places):
                    if place < len(row) and NO_YEAR_FIRST.match(row[place]):
                        return f", line {line}", name, row[place]
                line = rows.line_num + 1
        except (csv.Error, EOFError, OSError):  # the file is damaged, which the original error reports
            return None
    return None


def _in_parquet(
    connection: "duckdb.DuckDBPyConnection", path: Path, *, named: list[str]
) -> tuple[str, str, str] | None:
    source = f"read_parquet({file_list([str(path)])}, hive_partitioning = false, binary_as_string = true)"
    for name in named:
        value = f"CAST({quoted(name)} AS VARCHAR)"
        row = connection.execute(
            f"SELECT {value} FROM {source} WHERE regexp_matches({value}, '^{NO_YEAR_FIRST.pattern}') LIMIT 1"
        ).fetchone()
        if row:
            return "", name, row[0]
    return None


def times_of(named: tuple[tuple[str, str], ...], *, text_only: bool) -> list[str]:
    """Return the names of a shape's time columns; with `text_only`, only of those that are stored as text."""
    return [
        name
        for name, type_ in named
        if columns.READ.get(columns.canonical(name)) == "time"
        and (type_ in expressions.TEXT_TYPES or not text_only)
    ]
