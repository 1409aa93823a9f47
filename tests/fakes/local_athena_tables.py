"""Create the Glue tables of the pipeline stack without deploying it, and fill them with the rows of a bill."""

import io
from collections.abc import Collection, Mapping
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from focuswatch.bill.refresh.switch_glue_partitions_and_read_period_facts import Partitions
from focuswatch.bill.refresh.write_read_delete_athena_table_files import arrow_schema
from focuswatch.bill.schema.glue_tables_and_partition_keys import GLUE_TABLES, PARTITION_KEYS, PERIOD_KEY
from focuswatch.engines.athena_unload_sql_and_projection_properties import projection
from focuswatch.engines.values_as_sql_literals import literal
from tests.fakes.local_aws_with_cdk import LocalAws

# The partition column of each table that uses partition projection by day.
DAYS = {"activity": "activity_date", "invocation_tokens": "usage_date", "token_hours": "token_date"}
# Tables that no statement of the catalog reads.
NOT_COPIED = ("focus_export", "principal_export", "refreshed_charges", "forecasts")


def create_tables(
    aws: LocalAws,
    *,
    bucket: str,
    database: str,
    export: str,
    folder: str = "tables",
    only: Collection[str] = GLUE_TABLES,
) -> None:
    """Create a database with the tables `only`: their files are below `folder`, those of the raw export in `export`."""
    glue = aws.client("glue")
    glue.create_database(DatabaseInput={"Name": database})
    projections = {
        name: projection(day, unit="DAYS", first="2023-01-01", folder=f"s3://{bucket}/{folder}/{name}/{day}=")
        for name, day in DAYS.items()
    }
    for name, columns in ((name, GLUE_TABLES[name]) for name in only):
        key = PARTITION_KEYS.get(name)
        parameters = {"classification": "parquet", **projections.get(name, {})}
        storage = {
            "Location": f"s3://{bucket}/{export}/data/"
            if name == "focus_export"
            else f"s3://{bucket}/{folder}/{name}/",
            "Columns": [{"Name": column, "Type": type_} for column, type_ in columns],
        }
        options = {
            "Name": name,
            "Parameters": parameters,
            "PartitionKeys": [{"Name": key[0], "Type": key[1]}] if key else [],
            "StorageDescriptor": storage,
        }
        glue.create_table(DatabaseName=database, TableInput=options)


def put_table(aws: LocalAws, rows: pa.Table, *, bucket: str, key: str) -> None:
    """Write rows to a Parquet object."""
    body = io.BytesIO()
    pq.write_table(rows, body, coerce_timestamps="ms")
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body.getvalue())


def give_tables(
    aws: LocalAws,
    connection: duckdb.DuckDBPyConnection,
    *,
    bucket: str,
    database: str,
    only: Collection[str] = GLUE_TABLES,
) -> None:
    """Create a database, and copy the rows of the tables `only` from DuckDB into it."""
    create_tables(aws, bucket=bucket, database=database, export="none", folder=database, only=only)
    for name in (one for one in only if one not in NOT_COPIED):
        if name in DAYS:
            for day, rows in _by_day(connection, name).items():
                key = f"{database}/{name}/{DAYS[name]}={day}/all.parquet"
                put_table(aws, rows, bucket=bucket, key=key)
            continue
        key = f"{database}/{name}/all.parquet"
        put_table(aws, _rows(connection, name), bucket=bucket, key=key)
        if PARTITION_KEYS.get(name, ("",))[0] == PERIOD_KEY:
            partitions = Partitions(aws.client("glue"), database, name)
            partitions.point("all", location=f"s3://{bucket}/{database}/{name}/", parameters={})


def _rows(connection: duckdb.DuckDBPyConnection, name: str) -> pa.Table:
    schema = arrow_schema(GLUE_TABLES[name])
    result = connection.sql(f"SELECT {', '.join(schema.names)} FROM {name}").to_arrow_table()
    return result.rename_columns(schema.names).cast(schema, safe=False)


def _by_day(connection: duckdb.DuckDBPyConnection, name: str) -> Mapping[Any, pa.Table]:
    schema, day_column = arrow_schema(GLUE_TABLES[name]), DAYS[name]
    days = connection.execute(f"SELECT DISTINCT {day_column} FROM {name}").fetchall()
    return {
        day: connection.sql(
            f"SELECT {', '.join(schema.names)} FROM {name} WHERE {day_column} = {literal(day)}"
        )
        .to_arrow_table()
        .cast(schema, safe=False)
        for (day,) in days
    }
