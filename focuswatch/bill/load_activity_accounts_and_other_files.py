"""Load the files passed with a bill, such as activity, accounts and events, into tables of a DuckDB connection."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.schema.columns_of_all_tables import (
    ACCOUNT_HISTORY,
    ACCOUNTS,
    ACCOUNTS_FILE,
    ACTIVITY,
    AI_LINKS,
    EVENTS,
    INVOCATION_TOKENS,
    OPTIONAL_COLUMNS,
    OPTIONAL_IN_EVENTS,
    OPTIONAL_IN_PRINCIPALS,
    PRINCIPAL_CHARGES,
    PRINCIPAL_EXPORT,
    RECOMMENDATIONS,
    TOKEN_HOURS,
)
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import create_empty_table, file_list
from focuswatch.engines.quote_sql_identifier import quoted
from focuswatch.errors import ConfigError

# Prefixes of the lines in which DuckDB states the reason for an error; other lines show its place in the statement.
REASONS = ("Conversion Error", "Invalid Input Error", "Error when converting column", "Could not convert")


@dataclass(frozen=True)
class TableFormat:
    """A format of the files that a user passes, with the DuckDB function that reads it."""

    name: str
    endings: tuple[str, ...]
    reader: str


PARQUET = TableFormat(
    "Parquet", (".parquet",), "read_parquet({files}, union_by_name = true, hive_partitioning = false)"
)
CSV = TableFormat(
    "CSV",
    (".csv", ".csv.gz"),
    "read_csv({files}, header = true, all_varchar = true, union_by_name = true, hive_partitioning = false, "
    "nullstr = ['', 'NULL'])",
)
JSON_LINES = TableFormat(
    "JSON lines",
    (".jsonl", ".ndjson", ".json"),
    "read_json({files}, format = 'newline_delimited', union_by_name = true, hive_partitioning = false, "
    "sample_size = -1)",
)
# The periods of each account, numbered from the newest. If an account moved to another organization, its row from the
# first organization ends on the day on which it left.
ACCOUNT_PERIODS = """
SELECT
    * REPLACE (coalesce(valid_to, CASE WHEN place > 1 THEN closed_on END) AS valid_to)
FROM (
    SELECT *, row_number() OVER (
        PARTITION BY sub_account_id ORDER BY coalesce(valid_to, closed_on) DESC NULLS FIRST, valid_from DESC NULLS FIRST
    ) AS place
    FROM accounts_file
)
"""
# A period overlaps the one before it, or has no end although a newer period exists, which then has no end either.
OVERLAPPING_PERIODS = f"""
SELECT sub_account_id, CASE WHEN has_later_period THEN NULL ELSE earlier_end END, valid_from, ended
FROM (
    SELECT
        *,
        coalesce(valid_to, closed_on) AS ended,
        place > 1 AND valid_to IS NULL AS has_later_period,
        lead(valid_to) OVER (PARTITION BY sub_account_id ORDER BY place) AS earlier_end
    FROM ({ACCOUNT_PERIODS})
)
WHERE has_later_period OR valid_from < earlier_end OR ended = earlier_end
ORDER BY 1
LIMIT 1
"""


FILE_TABLES = {
    "activity": ACTIVITY,
    "accounts": ACCOUNTS,
    "account_history": ACCOUNT_HISTORY,
    "events": EVENTS,
    "ai_links": AI_LINKS,
    "recommendations": RECOMMENDATIONS,
    "principal_charges": PRINCIPAL_CHARGES,
    "invocation_tokens": INVOCATION_TOKENS,
    "token_hours": TOKEN_HOURS,
}


def load_files(connection: duckdb.DuckDBPyConnection, inputs: BillInputs, *, catalog: Catalog) -> None:
    """Create the tables in FILE_TABLES from the passed files; empty without a file. Raises ConfigError."""
    load_file(connection, "activity", ACTIVITY, inputs.activity)
    load_accounts(connection, inputs.accounts)
    load_events(connection, inputs.events)
    load_file(connection, "ai_links", AI_LINKS, inputs.links)
    load_file(connection, "recommendations", RECOMMENDATIONS, inputs.recommendations)
    load_principals(connection, inputs.principals, catalog=catalog)
    load_file(connection, "invocation_tokens", INVOCATION_TOKENS, inputs.invocations)
    load_file(connection, "token_hours", TOKEN_HOURS, inputs.token_hours)


def load_file(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    columns: dict[str, str],
    path: Path | None,
    *,
    optional: Collection[str] = OPTIONAL_COLUMNS,
    formats: Sequence[TableFormat] = (PARQUET, CSV),
) -> None:
    """Create the table `name` from a file in one of `formats`, or a folder of them; empty if `path` is None.

    Raises ConfigError naming the file, what it lacks and what was expected.
    """
    create_empty_table(connection, name, columns)
    if path is None:
        return
    source = _source(path, formats)
    try:
        names = {
            row[0].lower(): row[0]
            for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        }
        missing = [column for column in columns if column.lower() not in names and column not in optional]
        if missing:
            raise ConfigError(
                f"{path} lacks {', '.join(missing)}; expected the columns {', '.join(columns)}. Add the "
                "missing columns."
            )
        selected = ", ".join(_selected(column, type_, names) for column, type_ in columns.items())
        connection.execute(f"INSERT INTO {name} SELECT {selected} FROM {source}")
    except duckdb.Error as error:
        lines = [line.strip() for line in str(error).splitlines()]
        reason = " ".join(line for line in lines if line.startswith(REASONS)) or lines[0]
        raise ConfigError(f"{path} cannot be read as {_named(formats)} data for {name}: {reason}") from error


def load_accounts(connection: duckdb.DuckDBPyConnection, path: Path | None) -> None:
    """Create the tables `accounts` and `account_history`; see load_file.

    Also raises ConfigError if an account has several rows for the same days: a join would count its charges twice.
    """
    load_file(connection, "accounts_file", ACCOUNTS_FILE, path)
    overlap = connection.execute(OVERLAPPING_PERIODS).fetchone()
    if overlap is not None:
        account, before, valid_from, ended = overlap
        other = f"is valid from {valid_from}" if valid_from else _end_text(ended)
        raise ConfigError(
            f"{path} lists account {account} twice for the same days: one row {_end_text(before)}, and another row "
            f"{other}. The periods of an account must not overlap; valid_to is the first day after the period."
        )
    for name, columns, place in (("accounts", ACCOUNTS, "= 1"), ("account_history", ACCOUNT_HISTORY, "> 1")):
        create_empty_table(connection, name, columns)
        connection.execute(
            f"INSERT INTO {name} SELECT {', '.join(columns)} FROM ({ACCOUNT_PERIODS}) WHERE place {place}"
        )
    connection.execute("DROP TABLE accounts_file")


def _end_text(valid_to: date | None) -> str:
    return f"is valid before {valid_to}" if valid_to else "has no valid_to"


def load_events(connection: duckdb.DuckDBPyConnection, path: Path | None) -> None:
    """Create the table `events` from Parquet, CSV or JSON lines; see load_file. Times without an offset are in UTC."""
    formats = (PARQUET, CSV, JSON_LINES)
    load_file(connection, "events", EVENTS, path, optional=OPTIONAL_IN_EVENTS, formats=formats)


def load_principals(connection: duckdb.DuckDBPyConnection, path: Path | None, *, catalog: Catalog) -> None:
    """Create the table `principal_charges` from the export with IAM principals; see load_file."""
    load_file(connection, "principal_export", PRINCIPAL_EXPORT, path, optional=OPTIONAL_IN_PRINCIPALS)
    statement = catalog.tables["principal_charges"].sql
    connection.execute(f"CREATE OR REPLACE TABLE principal_charges AS {statement}")
    connection.execute("DROP TABLE principal_export")


def _source(path: Path, formats: Sequence[TableFormat]) -> str:
    expected = _named(formats)
    if not path.exists():
        raise ConfigError(f"{path} does not exist. Specify a {expected} file, or a folder of such files.")
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    by_format = {
        format: [file for file in files if file.is_file() and file.name.endswith(format.endings)]
        for format in formats
    }
    found = [format for format, listed in by_format.items() if listed]
    if len(found) != 1:
        endings = [ending for format in formats for ending in format.endings]
        problem = f"both {_named(found, last='and')}" if found else f"no file ending in {_listed(endings)}"
        raise ConfigError(
            f"{path}: found {problem}; expected only {_named(formats, last='or only')} files. "
            "Specify a folder whose files all have the same format."
        )
    return found[0].reader.format(files=file_list(map(str, by_format[found[0]])))


def _named(formats: Sequence[TableFormat], *, last: str = "or") -> str:
    return _listed([format.name for format in formats], last=last)


def _listed(words: Sequence[str], *, last: str = "or") -> str:
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else words[0]


def _selected(column: str, type_: str, names: dict[str, str]) -> str:
    if column.lower() not in names:
        return f"CAST(NULL AS {type_})"
    name = quoted(names[column.lower()])
    if type_.startswith("MAP"):
        return f"CAST(CAST({name} AS JSON) AS {type_})"  # a map stays a map, JSON text becomes one
    if type_ == "TIMESTAMP":  # a time with an offset becomes UTC; DuckDB would ignore the offset
        return f"CAST(CAST({name} AS TIMESTAMPTZ) AS TIMESTAMP)"
    return f"CAST({name} AS {type_})"
