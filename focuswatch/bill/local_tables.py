"""Create the tables that detections read on a DuckDB connection.

`folded_charges` and `deliveries` already exist, from an export or a test case; this module creates `activity`,
`accounts`, `principal_charges`, the owner tables, `daily_charges` and all tables derived from them.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

import duckdb

from focuswatch.bill.schema.table_columns import (
    ACCOUNTS,
    MADE,
    OPTIONAL,
    OPTIONAL_IN_PRINCIPALS,
    OWNERS,
    PRINCIPAL_EXPORT,
)
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.common_table_expressions import needed_of
from focuswatch.engines.duckdb_engine import create_empty_table, create_table
from focuswatch.engines.sql_identifiers import file_list, quoted
from focuswatch.engines.sql_literals import Value
from focuswatch.errors import ConfigError

# The beginning of lines in which DuckDB states the reason of an error, as opposed to its place in the statement.
REASONS = ("Conversion Error", "Invalid Input Error", "Error when converting column", "Could not convert")


def load_file(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    columns: dict[str, str],
    path: Path | None,
    *,
    optional: Collection[str] = OPTIONAL,
) -> None:
    """Create the table `name` from a Parquet or CSV file, or a folder of them; empty if `path` is None.

    Raises ConfigError naming the file, what it lacks and what was expected.
    """
    create_empty_table(connection, name, columns)
    if path is None:
        return
    source = _source(path)
    try:
        names = {
            row[0].lower(): row[0]
            for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        }
        missing = [column for column in columns if column.lower() not in names and column not in optional]
        if missing:
            raise ConfigError(
                f"{path} lacks {', '.join(missing)}; expected the columns {', '.join(columns)}. Add the missing ones."
            )
        selected = ", ".join(_selected(column, type_, names) for column, type_ in columns.items())
        connection.execute(f"INSERT INTO {name} SELECT {selected} FROM {source}")
    except duckdb.Error as error:
        lines = [line.strip() for line in str(error).splitlines()]
        reason = " ".join(line for line in lines if line.startswith(REASONS)) or lines[0]
        raise ConfigError(f"{path} cannot be read as {name} (Parquet or CSV): {reason}") from error


def load_accounts(connection: duckdb.DuckDBPyConnection, path: Path | None) -> None:
    """Create the table `accounts`; see load_file. Raises ConfigError also for a duplicate account."""
    load_file(connection, "accounts", ACCOUNTS, path)
    duplicate = connection.execute(
        "SELECT sub_account_id FROM accounts GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT 1"
    ).fetchone()
    if duplicate is not None:  # a join would count its charges twice
        raise ConfigError(
            f"{path} lists account {duplicate[0]} twice, expected each account once. Remove one of the rows."
        )


def load_principals(connection: duckdb.DuckDBPyConnection, path: Path | None, *, catalog: Catalog) -> None:
    """Create the table `principal_charges` from the export with IAM principals; see load_file."""
    load_file(connection, "principal_export", PRINCIPAL_EXPORT, path, optional=OPTIONAL_IN_PRINCIPALS)
    statement = catalog.tables["principal_charges"].sql
    connection.execute(f"CREATE OR REPLACE TABLE principal_charges AS {statement}")
    connection.execute("DROP TABLE principal_export")


def _source(path: Path) -> str:
    if not path.exists():
        raise ConfigError(f"{path} does not exist. Specify a Parquet or CSV file, or a folder of such files.")
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    files = [file for file in files if file.is_file() and file.name.endswith((".parquet", ".csv", ".csv.gz"))]
    kinds = {file.suffix == ".parquet" for file in files}
    if len(kinds) != 1:
        problem = "both Parquet and CSV" if kinds else "no file ending in .parquet, .csv or .csv.gz"
        raise ConfigError(
            f"{path}: found {problem}; expected only Parquet or only CSV files. Specify a folder with one format."
        )
    listed = file_list(map(str, files))
    if kinds.pop():
        return f"read_parquet({listed}, union_by_name = true, hive_partitioning = false)"
    return (
        f"read_csv({listed}, header = true, all_varchar = true, union_by_name = true, "
        "hive_partitioning = false, nullstr = ['', 'NULL'])"
    )


def _selected(column: str, type_: str, names: dict[str, str]) -> str:
    if column.lower() not in names:
        return f"CAST(NULL AS {type_})"
    name = quoted(names[column.lower()])
    if type_.startswith("MAP"):
        return f"CAST(CAST({name} AS JSON) AS {type_})"  # a map stays a map, JSON text becomes one
    return f"CAST({name} AS {type_})"


def create_views(
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    *,
    values: dict[str, Value],
    kept: Mapping[str, str] | None = None,
    statements: Collection[str] = (),
) -> None:
    """Create every table of the catalog over `folded_charges`, as of `values["as_of"]`.

    `kept` names relations that already have the rows of a table. `completeness` is a table, because it is small and
    every detection reads it; the others are views. With `statements`, only the tables that these read are created:
    DuckDB binds each view as it is created, which takes longer than a small statement over it.
    """
    everything = {name: catalog.tables[name].sql for name in MADE}
    needed = needed_of("\n".join(statements), everything) if statements else everything.keys()
    for name in (one for one in MADE if one in needed):
        kind = "TABLE" if name == "completeness" else "VIEW"
        statement = catalog.tables[name].render(values)
        if kept and name in kept:
            statement = f"SELECT * FROM {kept[name]}"
        connection.execute(f"CREATE OR REPLACE {kind} {name} AS {statement}")


def load_owners(connection: duckdb.DuckDBPyConnection, rows: Mapping[str, list[tuple[object, ...]]]) -> None:
    """Create the owner tables; `rows` are those of Owners.tables."""
    for name, shape in OWNERS.items():
        create_table(connection, name, shape, rows[name])
