"""The engine of the local Athena: Glue's tables over the Parquet files of S3, read by DuckDB.

A table is resolved as Athena does it: its columns from Glue, its files from each partition's own location or from
the partition projection, its hidden column "$path". Files are fetched once, by their ETag. Whole files count as
scanned, those of pruned partitions do not; Athena itself counts the columns it reads.
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
from threading import Lock
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from focuswatch.engines.duckdb_engine import connect
from focuswatch.engines.quoted_names import quoted
from focuswatch.engines.sql_values import literal

DUCKDB_TYPES = {"string": "VARCHAR", "int": "INTEGER"}
WIDENED = {("INTEGER", "BIGINT"), ("FLOAT", "DOUBLE"), ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP")}
ATHENA_TYPES = {"HUGEINT": "bigint", '"NULL"': "unknown", "FLOAT": "float", "BLOB": "varbinary"}
ERRORS = {  # https://trino.io/docs/current/language.html names them so; the rest of the message is DuckDB's
    duckdb.CatalogException: "TABLE_NOT_FOUND",
    duckdb.BinderException: "COLUMN_NOT_FOUND",
    duckdb.ParserException: "SYNTAX_ERROR",
    duckdb.ConversionException: "INVALID_CAST_ARGUMENT",
}
NOT_NAMED = re.compile(r"[^\w$]")
DATE_WORDS = {"yyyy": "%Y", "MM": "%m", "dd": "%d"}
DAYS = {"DAY": 1, "WEEK": 7, "MONTH": 31, "YEAR": 366}


class StatementError(Exception):
    """A statement that Athena would end as FAILED, with its reason."""


@dataclass(frozen=True)
class StatementResult:
    """The rows of a SELECT, the types that Athena would name, and the bytes it read."""

    rows: pa.Table
    types: dict[str, str]
    scanned_bytes: int


class Runner(Protocol):
    """Runs a SELECT as it was sent, and ends it before its end: `id` names it. `run` raises StatementError."""

    def run(self, select: str, *, database: str, id: str) -> StatementResult: ...

    def stop(self, id: str) -> None: ...


@dataclass(frozen=True)
class Part:
    """One object of a table, where it lies here, and the partition it belongs to."""

    local: Path
    size: int


@dataclass
class DuckDbRunner:
    """A Runner; every statement has a connection of its own, with the tables it names."""

    client: Callable[[str], Any]
    folder: Path
    known: dict[str, Part] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    running: dict[str, duckdb.DuckDBPyConnection] = field(default_factory=dict)

    def run(self, select: str, *, database: str, id: str) -> StatementResult:
        """Return the result of one SELECT over the tables of the database."""
        connection = self.running[id] = connect(memory_limit="1200MB")
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
        """End it, if it runs; repeatedly, since an interrupt between two of its statements is lost."""
        while connection := self.running.get(id):
            with suppress(duckdb.Error):  # closed meanwhile
                connection.interrupt()
            time.sleep(0.05)

    def _attach(
        self, connection: duckdb.DuckDBPyConnection, select: str, *, database: str
    ) -> dict[str, dict[str, int]]:
        """Make a view of every table that is named, and say the bytes of each one's files."""
        glue = self.client("glue")
        pages = glue.get_paginator("get_tables").paginate(DatabaseName=database)
        tables = {table["Name"]: table for page in pages for table in page["TableList"]}
        connection.execute(
            f"CREATE SCHEMA {quoted(database)}"
        )  # statements may name a table with its database
        connection.execute(f"SET search_path = {literal(f'{quoted(database)},main')}")
        sizes = {}
        for name in sorted(set(re.findall(r"\w+", select.lower())) & tables.keys()):
            partitions = self._partitions(tables[name], database=database)
            parts = [
                part
                for values, location in partitions
                for part in self._parts(tables[name], values, location)
            ]
            _create(connection, tables[name], parts, select=select)
            sizes[name] = {str(part.local): part.size for part in parts}
        return sizes

    def _partitions(self, table: dict[str, Any], *, database: str) -> Iterator[tuple[list[str], str]]:
        """Values and location of every partition that Athena would look into; a table without keys is one."""
        if not table["PartitionKeys"]:
            yield [], table["StorageDescriptor"]["Location"]
        elif table["Parameters"].get("projection.enabled") == "true":
            yield from projected(table, client=self.client)
        else:
            pages = self.client("glue").get_paginator("get_partitions")
            for page in pages.paginate(DatabaseName=database, TableName=table["Name"]):
                for partition in page["Partitions"]:
                    yield partition["Values"], partition["StorageDescriptor"]["Location"]

    def _parts(self, table: dict[str, Any], values: list[str], location: str) -> Iterator[Part]:
        keys = [key["Name"] for key in table["PartitionKeys"]]
        bucket, prefix = split_address(location.rstrip("/") + "/")
        for file in listed(bucket, prefix, client=self.client):
            hidden = file["Key"].rpartition("/")[2].startswith(("_", "."))
            if file["Size"] and not hidden:
                folder = "/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))
                yield self._fetched(bucket, file, folder=folder)

    def _fetched(self, bucket: str, found: dict[str, Any], *, folder: str) -> Part:
        key = found["Key"]
        name = hashlib.sha256(f"{bucket}/{key}/{found['ETag']}/{folder}".encode()).hexdigest()[:16]
        with self.lock:
            if name not in self.known:
                local = self.folder / name / folder / "@" / bucket / key.replace("=", "%3D")
                local.parent.mkdir(parents=True, exist_ok=True)
                self.client("s3").download_file(bucket, key, str(local))
                self.known[name] = Part(local=local, size=found["Size"])
            return self.known[name]


def projected(table: dict[str, Any], *, client: Callable[[str], Any]) -> Iterator[tuple[list[str], str]]:
    """Values and location of every partition that a table projects and that has files."""
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
    """The objects below a prefix."""
    for page in client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", [])


def lower_case(names: Sequence[str]) -> list[str]:
    """The names of columns as Athena writes them; what has no name is `_col0`, `_col1`. Raises StatementError."""
    lower = [
        f"_col{place}" if NOT_NAMED.search(name) and name != "$path" else name.lower()
        for place, name in enumerate(names)
    ]
    if len(set(lower)) < len(lower):
        twice = next(name for name in lower if lower.count(name) > 1)
        raise StatementError(f"DUPLICATE_COLUMN_NAME: Column name '{twice}' specified more than once")
    return lower


def split_address(address: str) -> tuple[str, str]:
    """Bucket and key of an s3:// address."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bucket, key


def _range(told: str, pattern: str) -> tuple[str, str]:
    """First and last value of a date projection: https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html"""
    for word, written in DATE_WORDS.items():
        pattern = pattern.replace(word, written)
    first, last = (_bound(one.strip(), pattern) for one in told.split(","))
    return first, last


def _bound(told: str, pattern: str) -> str:
    now = re.fullmatch(r"NOW(?:([+-]\d+)(DAY|WEEK|MONTH|YEAR)S?)?", told)
    if not now:
        return told
    days = int(now[1]) * DAYS[now[2]] if now[1] else 0
    return (datetime.now(UTC).date() + timedelta(days=days)).strftime(pattern)


def duckdb_type(glue: str) -> str:
    """Glue's type in DuckDB's words."""
    if of_map := re.fullmatch(r"map<(\w+),(\w+)>", glue):
        return f"MAP({duckdb_type(of_map[1])}, {duckdb_type(of_map[2])})"
    return DUCKDB_TYPES.get(glue, glue.upper())


def athena_type(duckdb_name: str) -> str:
    """A DuckDB type in the words of Athena's results."""
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
    """A view over a table's files with Glue's columns, then its partition keys; without files an empty table."""
    columns = {
        column["Name"]: duckdb_type(column["Type"]) for column in table["StorageDescriptor"]["Columns"]
    }
    keys = {key["Name"]: duckdb_type(key["Type"]) for key in table["PartitionKeys"]}
    hidden = {"$path": "VARCHAR"} if "$path" in select else {}
    if not parts:
        typed = ", ".join(f'"{name}" {type_}' for name, type_ in {**columns, **keys, **hidden}.items())
        connection.execute(f'CREATE TABLE "{table["Name"]}" ({typed})')
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
    connection.execute(f'CREATE VIEW "{table["Name"]}" AS SELECT {", ".join(selected)} FROM {source}')


def _column(name: str, type_: str, found: tuple[str, str] | None, *, table: str) -> str:
    if found is None:
        return f'CAST(NULL AS {type_}) AS "{name}"'
    real = found[1].partition("_")[0] if found[1].startswith("TIMESTAMP_") else found[1]
    if real != type_ and (real, type_) not in WIDENED:
        raise StatementError(
            f"HIVE_BAD_DATA: Malformed Parquet file. Field {name}'s type {real} in parquet file is incompatible with "
            f"type {type_.lower()} defined in table schema of {table}"
        )
    quoted = '"' + found[0].replace('"', '""') + '"'
    return f'CAST({quoted} AS {type_}) AS "{name}"'


def _result(rows: pa.Table, described: list[tuple[str, str]], *, scanned_bytes: int) -> StatementResult:
    """Lower-case names as Athena has them; what has no name is `_col0`, `_col1`."""
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
    """Bytes of the files each scan opened; DuckDB names the first five, and counts them all."""
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
