"""Open DuckDB connections for the common SQL, with macros for Trino functions, and create tables and lists of files.

DuckDB lacks some of Trino's functions, or defines them differently.
"""

import glob
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from focuswatch.engines.quote_sql_identifier import quoted
from focuswatch.engines.values_as_sql_literals import literal

if TYPE_CHECKING:
    import duckdb

MEMORY_LIMIT = "2500MB"  # limit of DuckDB; with Python and file buffers, a scan stays under 4 GB

# Trino functions that DuckDB lacks or defines differently. Each was also run on Trino 435: docs/portable-sql.md.
MACROS = (
    "element_at(m, k) AS m[k]",
    "regexp_like(s, p) AS regexp_matches(s, p)",
    "regexp_replace(s, p, r) AS system.main.regexp_replace(s, p, r, 'g')",
    "regexp_extract(s, p) AS nullif(system.main.regexp_extract(s, p), ''), "
    "(s, p, g) AS nullif(system.main.regexp_extract(s, p, g), '')",
    "split_part(s, d, i) AS nullif(system.main.split_part(s, d, i), '')",
    "greatest(a, b) AS CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE system.main.greatest(a, b) END",
    "least(a, b) AS CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE system.main.least(a, b) END",
    "day_of_week(d) AS isodow(d)",
    "array_join(a, s) AS array_to_string(a, s)",
    "bitwise_or_agg(x) AS bit_or(x)",
    "bit_count(x, bits) AS system.main.bit_count(x)",
)


def connect(*, scratch: Path | None = None, memory_limit: str = MEMORY_LIMIT) -> "duckdb.DuckDBPyConnection":
    """Return a connection for the common SQL, with a memory limit beyond which it spills to `scratch`."""
    import duckdb  # Lambda functions without DuckDB import this module

    connection = duckdb.connect()
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET parquet_metadata_cache = true")
    connection.execute(f"SET memory_limit = {literal(memory_limit)}")
    if scratch is not None:
        connection.execute(f"SET temp_directory = {literal(str(scratch))}")
    connection.execute("; ".join(f"CREATE MACRO {macro}" for macro in MACROS))
    return connection


def create_empty_table(
    connection: "duckdb.DuckDBPyConnection", name: str, columns: Mapping[str, str]
) -> None:
    """Create an empty table with these columns, replacing any table of that name."""
    body = ", ".join(f"{quoted(column)} {type_}" for column, type_ in columns.items())
    connection.execute(f"CREATE OR REPLACE TABLE {name} ({body})")


def create_table(
    connection: "duckdb.DuckDBPyConnection",
    name: str,
    columns: Mapping[str, str],
    rows: Sequence[tuple[object, ...]],
) -> None:
    """Create a table with these columns and rows, replacing any table of that name."""
    create_empty_table(connection, name, columns)
    if rows:  # by column in one statement, because executemany takes DuckDB 1 ms per row
        arrays = ", ".join(f"unnest(CAST(? AS {type_}[]))" for type_ in columns.values())
        connection.execute(
            f"INSERT INTO {name} SELECT {arrays}", [list(values) for values in zip(*rows, strict=True)]
        )


def file_list(paths: Iterable[str]) -> str:
    """Return files as a list of literals, escaped because DuckDB reads names as patterns: `a[b]` would match `ab`."""
    return f"[{', '.join(literal(glob.escape(path)) for path in paths)}]"
