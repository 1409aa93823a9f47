"""The tables that detections read, on a DuckDB connection.

`folded_charges` and `deliveries` are there before, from an export or from given cases; what is
made here is `activity`, `accounts`, `daily_charges` and `completeness`.
"""

from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path

import duckdb

from focuswatch.catalog import Catalog
from focuswatch.columns import OPTIONAL, OWNER_RULES
from focuswatch.errors import ConfigError
from focuswatch.literals import Value, literals
from focuswatch.owners import Rule


def create_empty(connection: duckdb.DuckDBPyConnection, name: str, columns: dict[str, str]) -> None:
    """An empty table of these columns, in place of any of that name."""
    body = ", ".join(f'"{column}" {type_}' for column, type_ in columns.items())
    connection.execute(f"CREATE OR REPLACE TABLE {name} ({body})")


def load_file(
    connection: duckdb.DuckDBPyConnection, name: str, columns: dict[str, str], path: Path | None
) -> None:
    """Table `name` from a Parquet or CSV file, or a folder of them; empty where `path` is None.

    Raises ConfigError naming the file, what it lacks and what was expected.
    """
    create_empty(connection, name, columns)
    if path is None:
        return
    source = _source(path)
    try:
        found = {
            row[0].lower(): row[0]
            for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        }
        missing = [column for column in columns if column.lower() not in found and column not in OPTIONAL]
        if missing:
            raise ConfigError(
                f"{path} lacks {', '.join(missing)}; a file of {name} has the columns {', '.join(columns)}."
            )
        selected = ", ".join(_selected(column, type_, found) for column, type_ in columns.items())
        connection.execute(f"INSERT INTO {name} SELECT {selected} FROM {source}")
    except duckdb.Error as error:
        first_line = str(error).partition("\n")[0]
        raise ConfigError(f"{path} cannot be read as {name} (Parquet or CSV): {first_line}") from error


def _source(path: Path) -> str:
    if not path.exists():
        raise ConfigError(f"{path} does not exist; name a Parquet or CSV file, or a folder of them.")
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    files = [file for file in files if file.is_file() and file.name.endswith((".parquet", ".csv", ".csv.gz"))]
    kinds = {file.suffix == ".parquet" for file in files}
    if len(kinds) != 1:
        raise ConfigError(
            f"{path} holds {len(files)} Parquet or CSV files of {len(kinds)} kinds; expected one kind."
        )
    listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    if kinds.pop():
        return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
    return (
        f"read_csv([{listed}], header = true, all_varchar = true, union_by_name = true, "
        "hive_partitioning = false, nullstr = ['', 'NULL'])"
    )


def _selected(column: str, type_: str, found: dict[str, str]) -> str:
    if column.lower() not in found:
        return f"CAST(NULL AS {type_})"
    name = '"' + found[column.lower()].replace('"', '""') + '"'
    if type_.startswith("MAP"):
        return f"CAST(CAST({name} AS JSON) AS {type_})"  # a map stays a map, JSON text becomes one
    return f"CAST({name} AS {type_})"


def create_views(
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    *,
    values: dict[str, Value],
    kept: Mapping[str, str] | None = None,
) -> None:
    """Every table of the catalog over `folded_charges`, as of `values["as_of"]`.

    `kept` names relations that hold a table's rows already. `completeness` is made here and now, since every
    detection reads it and it is small; the others are views.
    """
    for name in ("daily_charges", "daily_services", "ai_charges", "completeness", "ai_layers"):
        kind = "TABLE" if name == "completeness" else "VIEW"
        statement = catalog.tables[name].render(values)
        if kept and name in kept:
            statement = f"SELECT * FROM {kept[name]}"
        connection.execute(f"CREATE OR REPLACE {kind} {name} AS {statement}")


def load_rules(connection: duckdb.DuckDBPyConnection, rules: list[Rule]) -> None:
    """The table `owner_rules` from the rules of owners.toml."""
    create_empty(connection, "owner_rules", OWNER_RULES)
    if rules:
        rows = literals([astuple(rule) for rule in rules])
        connection.execute(f"INSERT INTO owner_rules VALUES {rows}")
