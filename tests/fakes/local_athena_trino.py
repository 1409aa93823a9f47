"""The local Athena on a real Trino 435, whose Hive connector reads the tables in Glue and their files in S3.

Athena engine 3 follows Trino: https://docs.aws.amazon.com/athena/latest/ug/engine-versions-reference-0003.html
Trino runs each SELECT, and the SELECT of each UNLOAD, unchanged; local_athena.py writes the rows as Athena does.
`Catalog` is the only place that changes table definitions which Athena supports and Trino does not:
- Monthly partitions, which Trino's projection rejects, become a list of the months that have files.
- Daily partitions, which Trino would look up in S3 one by one, become a range from the first to the last with files.
- Fields that Glue always returns for a table, and that the local AWS omits, are added.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pyarrow as pa
from botocore import xform_name
from trino.dbapi import Cursor
from trino.exceptions import TrinoQueryError

from tests.fakes.athena_on_duckdb import StatementError, StatementResult, lower_case, projected
from tests.fakes.forwarding_http_server import serving
from tests.fakes.local_aws_with_cdk import ACCOUNT, REGION, LocalAws
from tests.fakes.local_trino import QUICK, LocalTrino

PARQUET = "org.apache.hadoop.hive.ql.io.parquet"
STORAGE = {  # https://docs.aws.amazon.com/glue/latest/webapi/API_StorageDescriptor.html
    "BucketColumns": [],
    "Compressed": False,
    "InputFormat": f"{PARQUET}.MapredParquetInputFormat",
    "NumberOfBuckets": 0,
    "OutputFormat": f"{PARQUET}.MapredParquetOutputFormat",
    "Parameters": {},
    "SerdeInfo": {"SerializationLibrary": f"{PARQUET}.serde.ParquetHiveSerDe"},
    "SortColumns": [],
    "StoredAsSubDirectories": False,
}
# https://trino.io/docs/435/connector/hive.html and, for Glue and S3 there, its pages hive-s3 and metastores
CONNECTOR = {
    "hive.metastore": "glue",
    "hive.metastore.glue.region": REGION,
    "hive.metastore.glue.aws-access-key": ACCOUNT,
    "hive.metastore.glue.aws-secret-key": "x",
    "hive.metastore.glue.partitions-segments": "1",  # by default, it requests the same partitions five times
    "hive.partition-projection-enabled": "true",
    "hive.recursive-directories": "true",  # https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html
    "hive.security": "allow-all",
    "hive.table-statistics-enabled": "false",  # there are no statistics
    "fs.hadoop.enabled": "false",
    "fs.native-s3.enabled": "true",
    "s3.region": REGION,
    "s3.path-style-access": "true",
    "s3.aws-access-key": ACCOUNT,
    "s3.aws-secret-key": "x",
}
ARROW_TYPES = {
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "double": pa.float64(),
    "integer": pa.int32(),
    "real": pa.float32(),
    "unknown": pa.null(),
    "varbinary": pa.binary(),
}
# A lower limit than Trino's default of 150 stages: Athena distributes joins, which needs up to a fifth more stages than
# QUICK does.
# https://trino.io/docs/435/admin/properties-query-management.html#query-max-stage-count
SESSION = {**QUICK, "query_max_stage_count": 125}
# Athena names these types without their parameters.
WITHOUT_PARAMETERS = ("array", "char", "map", "row", "varchar")
NUMBERS = count()


@contextmanager
def over_trino(
    aws: LocalAws,
    trino: LocalTrino,
    *,
    session: Mapping[str, object] = SESSION,
    connector: Mapping[str, str] = CONNECTOR,
) -> Iterator[None]:
    """Run the statements of an AWS's Athena on a Trino for the length of the block."""
    catalog = f"aws_{next(NUMBERS)}"
    before = aws.athena.runner
    with serving(Catalog(aws.client).handle, behind=aws.endpoint) as glue:
        endpoints = {"hive.metastore.glue.endpoint-url": glue, "s3.endpoint": aws.endpoint}
        options = ", ".join(f"\"{name}\" = '{value}'" for name, value in {**connector, **endpoints}.items())
        trino.engine().execute(f"CREATE CATALOG {catalog} USING hive WITH ({options})", label="given")
        aws.athena.runner = TrinoRunner(trino, catalog, session)
        try:
            yield
        finally:
            aws.athena.runner = before
            trino.engine().execute(f"DROP CATALOG {catalog}", label="given")


@dataclass(frozen=True)
class TrinoRunner:
    """A Runner on Trino; `scanned_bytes` are the bytes that Trino read from S3."""

    trino: LocalTrino
    catalog: str
    session: Mapping[str, object]
    running: dict[str, Cursor] = field(default_factory=dict)

    def run(self, select: str, *, database: str, id: str) -> StatementResult:
        """Return the result of one SELECT over the tables of the database."""
        cursor = self.trino.connect(catalog=self.catalog, schema=database, session=self.session).cursor()
        self.running[id] = cursor
        try:
            cursor.execute(select)
            rows = cursor.fetchall()
        except TrinoQueryError as error:
            raise StatementError(f"{error.error_name}: {error.message}") from error
        finally:
            del self.running[id]
        described = cursor.description or []
        names = lower_case([one.name for one in described])
        types = [str(one.type_code) for one in described]
        columns = zip(*rows, strict=True) if rows else ([] for _ in names)
        arrays = [
            pa.array([_value(value) for value in column], type=arrow_type(type_))
            for column, type_ in zip(columns, types, strict=True)
        ]
        options = dict(zip(names, map(athena_type, types), strict=True))
        return StatementResult(
            pa.table(arrays, names=names), options, int(cursor.stats["physicalInputBytes"])
        )

    def stop(self, id: str) -> None:
        """Cancel the statement until it has ended: a statement that was just sent has no id in Trino yet."""
        while cursor := self.running.get(id):
            cursor.cancel()
            time.sleep(0.05)


@dataclass(frozen=True)
class Catalog:
    """The Glue that Trino uses: it adapts the responses of the local AWS."""

    client: Callable[[str], Any]

    def handle(self, verb: str, request: dict[str, Any]) -> dict[str, Any]:
        """Return the response to a request. Raise Glue's ClientError."""
        original = getattr(self.client("glue"), xform_name(verb.removeprefix("AWSGlue.")))
        response: dict[str, Any] = _as_json(original(**request))
        for partition in response.get("Partitions", []):
            partition["StorageDescriptor"] = {**STORAGE, **partition["StorageDescriptor"]}
        for table in [*response.get("TableList", []), *([response["Table"]] if "Table" in response else [])]:
            table.setdefault("TableType", "EXTERNAL_TABLE")
            table["StorageDescriptor"] = {**STORAGE, **table["StorageDescriptor"]}
            if table.get("Parameters", {}).get("projection.enabled") == "true":
                table["Parameters"] = self._projection(table)
        return response

    def _projection(self, table: dict[str, Any]) -> dict[str, str]:
        """Return table parameters that project only partitions with files.

        https://trino.io/docs/435/connector/hive.html#partition-projection
        """
        (key,) = table["PartitionKeys"]
        folders = sorted(folder for (folder,), _ in projected(table, client=self.client)) or ["nothing"]
        prefix = f"projection.{key['Name']}."
        if key["Type"] == "string":
            others = {name: one for name, one in table["Parameters"].items() if not name.startswith(prefix)}
            return {**others, f"{prefix}type": "enum", f"{prefix}values": ",".join(folders)}
        if folders == ["nothing"]:
            return table["Parameters"]
        # Trino treats a range of one day as empty.
        after = date.fromisoformat(folders[-1]) + timedelta(days=1)
        return {**table["Parameters"], f"{prefix}range": f"{folders[0]},{after}"}


def athena_type(trino: str) -> str:
    """Return the name of a Trino type in Athena's results."""
    plain = trino.partition("(")[0]
    if plain == "timestamp":
        return trino if "zone" in trino else plain
    return plain if plain in WITHOUT_PARAMETERS else trino.replace(" ", "")


def arrow_type(trino: str) -> pa.DataType:
    """Return the Arrow type for a column of a Trino type."""
    plain, _, inside = trino.partition("(")
    match plain.strip():
        case "array":
            return pa.list_(arrow_type(inside[:-1]))
        case "map":
            key, _, value = inside[:-1].partition(", ")
            return pa.map_(arrow_type(key), arrow_type(value))
        case "decimal":
            return pa.decimal128(*(int(digits) for digits in re.findall(r"\d+", inside)))
        case "timestamp":
            return pa.timestamp("ms", "UTC" if "zone" in trino else None)
        case "varchar" | "char":
            return pa.string()
    return ARROW_TYPES[trino]


def _value(value: Any) -> Any:
    return list(value.items()) if isinstance(value, dict) else value


def _as_json(value: Any) -> Any:
    """Return a response that boto3 parsed in Glue's own format, in which times are seconds."""
    match value:
        case datetime():
            return value.timestamp()
        case dict():
            return {name: _as_json(one) for name, one in value.items() if name != "ResponseMetadata"}
        case list():
            return [_as_json(one) for one in value]
    return value
