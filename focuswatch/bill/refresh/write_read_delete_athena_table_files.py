"""Write, read and delete the Parquet files of the Athena tables in S3.

Each refresh of a billing period writes to a new folder; each small table is one file.
"""

import io
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from focuswatch.bill.schema.glue_tables_and_partition_keys import GLUE_TABLES

if TYPE_CHECKING:
    import pyarrow as pa
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

KEPT_FOLDERS = 2  # per period: the current one, and the previous one, which a statement may still read
READ_FOR = timedelta(days=1)  # no statement runs this long
# Objects per call: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
MOST_DELETED = 1000


@dataclass(frozen=True)
class AthenaTableFiles:
    """The folders below `tables/` of a bucket; the names of new folders begin with `run_id`.

    `undeleted` maps objects that S3 did not delete to the reason. No table reads these objects.
    """

    s3: "S3Client"
    bucket: str
    run_id: str
    undeleted: dict[str, str] = field(default_factory=dict)

    def warnings(self) -> list[str]:
        """Return a warning for each reason for which S3 did not delete objects."""
        return [
            f"S3 did not delete {count:,} outdated objects under s3://{self.bucket}/tables/: {reason}. No table uses "
            "these objects, but AWS still charges for their storage. Check that the function may use s3:DeleteObject "
            "on the bucket"
            for reason, count in sorted(Counter(self.undeleted.values()).items())
        ]

    def new_folder(self, table: str, period: str) -> str:
        """Return the address of a new, empty folder, which differs for each call."""
        return f"s3://{self.bucket}/{_prefix(table, period)}{self.run_id}-{uuid.uuid4().hex[:8]}/"

    def upload(self, file: Path, *, to: str) -> None:
        """Copy a Parquet file into a folder that `new_folder` returned."""
        key = f"{to.removeprefix(f's3://{self.bucket}/')}{file.name}"
        with file.open("rb") as body:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def discard(self, folder: str) -> None:
        """Delete a folder that `new_folder` returned and that no table uses."""
        prefix = folder.removeprefix(f"s3://{self.bucket}/")
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        self._delete(page["Contents"] for page in pages if "Contents" in page)

    def remove(self, table: str, period: str) -> None:
        """Delete all folders of a period that the table no longer contains."""
        self._delete(self._folders(table, period).values())

    def sweep(self, table: str, period: str) -> None:
        """Delete all folders of the period except the newest two."""
        folders = self._folders(table, period)
        self._delete(folders[name] for name in _newest_first(folders)[KEPT_FOLDERS:])

    def sweep_unread(self, table: str, period: str, *, in_use: str, read_for: timedelta = READ_FOR) -> None:
        """Delete all folders of the period except `in_use`, once all are so old that no statement reads the others.

        `in_use` is an address. If it is in the folder of another table, all folders are deleted.
        """
        folders = self._folders(table, period)
        name = in_use.rstrip("/").rpartition("/")[2]
        until = datetime.now(UTC) - read_for
        is_elsewhere = f"/{_prefix(table, period)}" not in in_use
        if (name in folders or is_elsewhere) and all(_written(folder) < until for folder in folders.values()):
            self._delete(folder for other, folder in folders.items() if other != name)

    def _folders(self, table: str, period: str) -> dict[str, list["ObjectTypeDef"]]:
        prefix, folders = _prefix(table, period), dict[str, list["ObjectTypeDef"]]()
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for found in page.get("Contents", []):
                folders.setdefault(found["Key"][len(prefix) :].partition("/")[0], []).append(found)
        return folders

    def _delete(self, folders: Iterable[list["ObjectTypeDef"]]) -> None:
        gone = [found["Key"] for folder in folders for found in folder]
        for first in range(0, len(gone), MOST_DELETED):
            some: Any = [{"Key": key} for key in gone[first : first + MOST_DELETED]]
            response = self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": some, "Quiet": True})
            for error in response.get("Errors", []):  # of single objects; they do not make the call fail
                self.undeleted[error["Key"]] = error.get("Message") or error.get("Code", "")

    def write(self, table: str, columns: Mapping[str, list[Any]]) -> None:
        """Replace a small table with these columns, in one step."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = arrow_schema(GLUE_TABLES[table])
        body = io.BytesIO()
        pq.write_table(pa.table(dict(columns), schema=schema), body, coerce_timestamps="ms")
        self.s3.put_object(Bucket=self.bucket, Key=_key(table), Body=body.getvalue())

    def read(self, table: str, shape: Mapping[str, str]) -> list[tuple[Any, ...]]:
        """Return the rows of a small table; empty before the table was written."""
        import pyarrow.parquet as pq

        try:
            body = self.s3.get_object(Bucket=self.bucket, Key=_key(table))["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return []
        rows = pq.read_table(io.BytesIO(body)).to_pylist()
        return [tuple(row[name.lower()] for name in shape) for row in rows]


def _written(folder: list["ObjectTypeDef"]) -> datetime:
    return max(found["LastModified"] for found in folder)


def _newest_first(folders: Mapping[str, list["ObjectTypeDef"]]) -> list[str]:
    return sorted(folders, key=lambda name: _written(folders[name]), reverse=True)


def _prefix(table: str, period: str) -> str:
    return f"tables/{table}/period={period}/"


def _key(table: str) -> str:
    return f"tables/{table}/{table}.parquet"


def arrow_schema(columns: Iterable[tuple[str, str]]) -> "pa.Schema":
    """Return the Arrow schema of columns with Glue types."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "double": pa.float64(),
        "bigint": pa.int64(),
        "int": pa.int32(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("ms"),
        "map<string,string>": pa.map_(pa.string(), pa.string()),
    }
    return pa.schema([(name, types[type_]) for name, type_ in columns])
