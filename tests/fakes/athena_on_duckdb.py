"""The query engine of the local Athena: DuckDB over the Parquet files in S3 of the tables in Glue.

Tables are resolved as in Athena: the columns come from Glue, the files from each partition's own location or from
partition projection, and there is a hidden column "$path". Each file is downloaded once per ETag. `scanned_bytes`
counts whole files, except those of pruned partitions; Athena itself counts only the columns that it reads.
"""

import hashlib
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock, local
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.quote_sql_identifier import quoted
from focuswatch.engines.values_as_sql_literals import literal

DUCKDB_TYPES = {"string": "VARCHAR", "int": "INTEGER"}
WIDENED = {("INTEGER", "BIGINT"), ("FLOAT", "DOUBLE"), ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP")}
ATHENA_TYPES = {"HUGEINT": "bigint", '"NULL"': "unknown", "FLOAT": "float", "BLOB": "varbinary"}
# Error names are Trino's (https://trino.io/docs/current/language.html); the rest of each message is DuckDB's.
ERRORS = {
    duckdb.CatalogException: "TABLE_NOT_FOUND",
    duckdb.BinderException: "COLUMN_NOT_FOUND",
    duckdb.ParserException: "SYNTAX_ERROR",
    duckdb.ConversionException: "INVALID_CAST_ARGUMENT",
}
NOT_IN_COLUMN_NAME = re.compile(r"[^\w$]")
DATE_WORDS = {"yyyy": "%Y", "MM": "%m", "dd": "%d"}
DAYS = {"DAY": 1, "WEEK": 7, "MONTH": 31, "YEAR": 366}


class StatementError(Exception):
    """An error for which Athena would end the statement as FAILED; the message is the reason that it would give."""


@dataclass(frozen=True)
class StatementResult:
    """The rows of a SELECT, its column types in Athena's names, and the bytes that it read."""

    rows: pa.Table
    types: dict[str, str]
    scanned_bytes: int


class Runner(Protocol):
    """Runs a SELECT as the client sent it, and can cancel it by its `id`. `run` raises StatementError."""

    def run(self, select: str, *, database: str, id: str) -> StatementResult: ...

    def stop(self, id: str) -> None: ...


@dataclass(frozen=True)
class Part:
    """The local copy of one S3 object of a table; the path contains the values of its partition."""

    local: Path
    size: int


class Database(local):
    """The DuckDB of a thread, which runs one statement at a time, with the views that earlier statements needed."""

    def __init__(self) -> None:
        self.connection = connect(memory_limit="1200MB")
        # What each view was created from, by schema and name.
        self.sources: dict[tuple[str, str], object] = {}


@dataclass
class DuckDbRunner:
    """A Runner on DuckDB; a statement sees the current files of the tables that it names."""

    client: Callable[[str], Any]
    folder: Path
    downloaded: dict[str, Part] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    running: dict[str, duckdb.DuckDBPyConnection] = field(default_factory=dict)
    database: Database = field(default_factory=Database)

    def run(self, select: str, *, database: str, id: str) -> StatementResult:
        """Return the result of one SELECT over the tables of the database."""
        connection = self.running[id] = self.database.connection.cursor()
        try:
            sizes = self._attach(connection, select, database=database)
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".json") as profile:
                connection.execute("PRAGMA enable_profiling = 'json'")
                connection.execute(f"PRAGMA profiling_output = '{profile.name}'")
                relation = connection.sql(select)
                described = [
                    (name, str(type_)) for name, type_ in zip(relation.columns, relation.types, strict=True)
                ]
                rows = relation.to_arrow_table()
                profiled = json.loads(Path(profile.name).read_text() or "{}")
            return _result(rows, described, scanned_bytes=_scanned(profiled, sizes))
        except duckdb.Error as error:
            name = next(
                (name for kind, name in ERRORS.items() if isinstance(error, kind)), "GENERIC_USER_ERROR"
            )
            raise StatementError(f"{name}: {str(error).partition(chr(10))[0]}") from error
        finally:
            del self.running[id]
            connection.close()

    def stop(self, id: str) -> None:
        """Interrupt the statement until it has ended: an interrupt between two of its DuckDB statements is lost."""
        while connection := self.running.get(id):
            with suppress(duckdb.Error):  # the connection was closed in the meantime
                connection.interrupt()
            time.sleep(0.05)

    def _attach(
        self, connection: duckdb.DuckDBPyConnection, select: str, *, database: str
    ) -> dict[str, dict[str, int]]:
        """Create the views that the statement needs; return the sizes of each table's files, by path."""
        glue = self.client("glue")
        pages = glue.get_paginator("get_tables").paginate(DatabaseName=database)
        tables = {table["Name"]: table for page in pages for table in page["TableList"]}
        # Statements may qualify a table with its database.
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(database)}")
        connection.execute(f"SET search_path = {literal(f'{quoted(database)},main')}")
        sizes, sources = {}, self.database.sources
        for schema, name in [view for view in sources if view[0] == database and view[1] not in tables]:
            connection.execute(f"DROP VIEW {quoted(name)}")
            del sources[schema, name]
        for name in sorted(set(re.findall(r"\w+", select.lower())) & tables.keys()):
            parts = list(self._parts(tables[name], database=database))
            source = tables[name], parts, "$path" in select
            if sources.get((database, name)) != source:
                _create(connection, tables[name], parts, select=select)
                sources[database, name] = source
            sizes[name] = {str(part.local): part.size for part in parts}
        return sizes

    def _partitions(self, table: dict[str, Any], *, database: str) -> Iterator[tuple[list[str], str]]:
        """Yield the values and location of each partition that Athena would read; an unpartitioned table is one."""
        if not table["PartitionKeys"]:
            yield [], table["StorageDescriptor"]["Location"]
        elif table["Parameters"].get("projection.enabled") == "true":
            yield from projected(table, client=self.client)
        else:
            pages = self.client("glue").get_paginator("get_partitions")
            for page in pages.paginate(DatabaseName=database, TableName=table["Name"]):
                for partition in page["Partitions"]:
                    yield partition["Values"], partition["StorageDescriptor"]["Location"]

    def _parts(self, table: dict[str, Any], *, database: str) -> Iterator[Part]:
        """Yield the local copy of each file of a table; partitions below its location are listed at once."""
        keys = [key["Name"] for key in table["PartitionKeys"]]
        bucket, top = split_address(table["StorageDescriptor"]["Location"].rstrip("/") + "/")
        below = list(listed(bucket, top, client=self.client))
        for values, location in self._partitions(table, database=database):
            folder = "/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))
            other, prefix = split_address(location.rstrip("/") + "/")
            known = other == bucket and prefix.startswith(top)
            for file in below if known else listed(other, prefix, client=self.client):
                hidden = file["Key"].rpartition("/")[2].startswith(("_", "."))
                if file["Size"] and not hidden and file["Key"].startswith(prefix):
                    yield self._fetched(other, file, folder=folder)

    def _fetched(self, bucket: str, file: dict[str, Any], *, folder: str) -> Part:
        key = file["Key"]
        name = hashlib.sha256(f"{bucket}/{key}/{file['ETag']}/{folder}".encode()).hexdigest()[:16]
        with self.lock:
            if name not in self.downloaded:
                local = self.folder / name / folder / "@" / bucket / key.replace("=", "%3D")
                local.parent.mkdir(parents=True, exist_ok=True)
                self.client("s3").download_file(bucket, key, str(local))
                self.downloaded[name] = Part(local=local, size=file["Size"])
            return self.downloaded[name]


def projected(table: dict[str, Any], *, client: Callable[[str], Any]) -> Iterator[tuple[list[str], str]]:
    """Yield the values and location of each partition that a table's projection covers and that has files."""
    (key,) = (key["Name"] for key in table["PartitionKeys"])
    parameters = table["Parameters"]
    before, after = parameters["storage.location.template"].split(f"${{{key}}}")
    bucket, prefix = split_address(before)
    first, last = _range(parameters[f"projection.{key}.range"], parameters[f"projection.{key}.format"])
    objects = listed(bucket, prefix, client=client)
    for folder in sorted({one["Key"][len(prefix) :].partition("/")[0] for one in objects}):
        if first <= folder <= last:
            yield [folder], f"{before}{folder}{after}"


def listed(bucket: str, prefix: str, *, client: Callable[[str], Any]) -> Iterator[dict[str, Any]]:
    """Yield the objects below a prefix."""
    for page in client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", [])


def lower_case(names: Sequence[str]) -> list[str]:
    """Return column names as Athena writes them; an unnamed expression becomes `_col0`, `_col1`, and so on.

    Raise StatementError if a name occurs twice.
    """
    lower = [
        f"_col{place}" if NOT_IN_COLUMN_NAME.search(name) and name != "$path" else name.lower()
        for place, name in enumerate(names)
    ]
    if len(set(lower)) < len(lower):
        twice = next(name for name in lower if lower.count(name) > 1)
        raise StatementError(f"DUPLICATE_COLUMN_NAME: Column name '{twice}' specified more than once")
    return lower


def split_address(address: str) -> tuple[str, str]:
    """Return the bucket and key of an s3:// address."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bucket, key


def _range(date_range: str, pattern: str) -> tuple[str, str]:
    """Return the first and last value of a date projection.

    https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
    """
    for word, directive in DATE_WORDS.items():
        pattern = pattern.replace(word, directive)
    first, last = (_bound(one.strip(), pattern) for one in date_range.split(","))
    return first, last


def _bound(bound: str, pattern: str) -> str:
    now = re.fullmatch(r"NOW(?:([+-]\d+)(DAY|WEEK|MONTH|YEAR)S?)?", bound)
    if not now:
        return bound
    days = int(now[1]) * DAYS[now[2]] if now[1] else 0
    return (datetime.now(UTC).date() + timedelta(days=days)).strftime(pattern)


def duckdb_type(glue: str) -> str:
    """Return DuckDB's name of a Glue type."""
    if map_type := re.fullmatch(r"map<(\w+),(\w+)>", glue):
        return f"MAP({duckdb_type(map_type[1])}, {duckdb_type(map_type[2])})"
    return DUCKDB_TYPES.get(glue, glue.upper())


def athena_type(duckdb_name: str) -> str:
    """Return the name of a DuckDB type in Athena's results."""
    if duckdb_name.endswith("[]"):
        return "array"
    plain = duckdb_name.partition("(")[0]
    if plain in ("MAP", "STRUCT"):
        return {"MAP": "map", "STRUCT": "row"}[plain]
    if plain.startswith("TIMESTAMP") and "ZONE" not in plain:
        return "timestamp"
    return ATHENA_TYPES.get(
        duckdb_name, duckdb_name.lower().replace(" ", "") if "(" in duckdb_name else duckdb_name.lower()
    )


def _create(
    connection: duckdb.DuckDBPyConnection, table: dict[str, Any], parts: list[Part], *, select: str
) -> None:
    """Create a view of a table's files with Glue's columns and then its partition keys; an empty one if no files."""
    columns = {
        column["Name"]: duckdb_type(column["Type"]) for column in table["StorageDescriptor"]["Columns"]
    }
    keys = {key["Name"]: duckdb_type(key["Type"]) for key in table["PartitionKeys"]}
    hidden = {"$path": "VARCHAR"} if "$path" in select else {}
    if not parts:
        typed = {**columns, **keys, **hidden}.items()
        nulls = ", ".join(f'CAST(NULL AS {type_}) AS "{name}"' for name, type_ in typed)
        connection.execute(f'CREATE OR REPLACE VIEW "{table["Name"]}" AS SELECT {nulls} WHERE false')
        return
    types = ", ".join(f"'{name}': {type_}" for name, type_ in keys.items())
    partitioned = (
        f"hive_partitioning = true, hive_types = {{{types}}}" if keys else "hive_partitioning = false"
    )
    files = ", ".join(literal(str(part.local)) for part in parts)
    source = f"read_parquet([{files}], union_by_name = true, {partitioned})"
    result = {
        row[0].lower(): (row[0], row[1])
        for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    }
    selected = [
        _column(name, type_, result.get(name), table=table["Name"]) for name, type_ in columns.items()
    ]
    selected += [f'"{name}"' for name in keys]
    if hidden:
        selected.append("""'s3://' || replace(str_split(filename, '/@/')[2], '%3D', '=') AS "$path\"""")
    connection.execute(
        f'CREATE OR REPLACE VIEW "{table["Name"]}" AS SELECT {", ".join(selected)} FROM {source}'
    )


def _column(name: str, type_: str, file_column: tuple[str, str] | None, *, table: str) -> str:
    if file_column is None:
        return f'CAST(NULL AS {type_}) AS "{name}"'
    real = file_column[1].partition("_")[0] if file_column[1].startswith("TIMESTAMP_") else file_column[1]
    if real != type_ and (real, type_) not in WIDENED:
        raise StatementError(
            f"HIVE_BAD_DATA: Malformed Parquet file. Field {name}'s type {real} in parquet file is incompatible with "
            f"type {type_.lower()} defined in table schema of {table}"
        )
    quoted = '"' + file_column[0].replace('"', '""') + '"'
    return f'CAST({quoted} AS {type_}) AS "{name}"'


def _result(rows: pa.Table, described: list[tuple[str, str]], *, scanned_bytes: int) -> StatementResult:
    """Return the result with the column names and types that Athena gives it."""
    names = lower_case([name for name, _ in described])
    columns = [
        column.cast(pa.int64()) if type_ == "HUGEINT" else column
        for column, (_, type_) in zip(rows.columns, described, strict=True)
    ]
    types = [athena_type(type_) for _, type_ in described]
    return StatementResult(
        pa.table(columns, names=names), dict(zip(names, types, strict=True)), scanned_bytes
    )


def _scanned(profiled: dict[str, Any], sizes: dict[str, dict[str, int]]) -> int:
    """Return the bytes of the files that the scans opened; a profile names the first five files, and counts all."""
    scanned = 0
    unread = list(profiled.get("operator", []))
    while unread:
        operator = unread.pop()
        unread += operator.get("children", [])
        file_names = operator.get("extra_info", {}).get("Filename(s)", "")
        named = [name for name in file_names.split(", ") if name and name != "..."]
        table = next((files for files in sizes.values() if named and named[0] in files), {})
        if "..." in file_names:
            scanned += sum(table.values()) * int(operator["extra_info"]["Total Files Read"]) // len(table)
        else:
            scanned += sum(table.get(name, 0) for name in named)
    return scanned
