"""Refresh the callers of Bedrock in a deployment, over HTTP: S3, Glue and Athena run on loopback."""

import io
import json
from datetime import date, datetime

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from focuswatch.bill.ingest.list_and_copy_from_s3 import list_s3
from focuswatch.bill.refresh.athena_principal_charges_refresh import refresh_principals
from focuswatch.bill.refresh.switch_athena_table_periods_and_locate_export import AthenaTables
from focuswatch.bill.refresh.write_read_delete_athena_table_files import AthenaTableFiles, arrow_schema
from focuswatch.bill.schema.glue_tables_and_partition_keys import GLUE_TABLES
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.athena_engine import AthenaEngine
from tests.fakes.local_athena_tables import create_tables
from tests.fakes.local_aws_with_cdk import local_aws

BUCKET, DATABASE, EXPORT = "callers", "focuswatch", "principals/focuswatch-principals"
BOB = "arn:aws:iam::111122223333:user/bob"
# Without the net cost: the export of an account without discounts may lack this column.
SCHEMA = arrow_schema(
    pair for pair in GLUE_TABLES["principal_export"] if pair[0] != "line_item_net_unblended_cost"
)


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    """Start a local AWS with the bucket, the Glue tables and a workgroup."""
    with local_aws(tmp_path_factory.mktemp("aws")) as aws, aws.used():
        aws.client("s3").create_bucket(Bucket=BUCKET)
        create_tables(aws, bucket=BUCKET, database=DATABASE, export="focus/focuswatch")
        aws.client("athena").create_work_group(
            Name="focuswatch",
            Configuration={
                "EnforceWorkGroupConfiguration": True,
                "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/athena-results/"},
            },
        )
        yield aws


def deliver(aws, period: date, costs):
    """Deliver a month of callers as Data Exports does, the manifest last. Without costs, the month has no file."""
    data = f"{EXPORT}/data/BILLING_PERIOD={period:%Y-%m}/part-00001.snappy.parquet"
    start = datetime(period.year, period.month, 2)
    rows = [
        {
            "bill_billing_period_start_date": start.replace(day=1), "line_item_usage_start_date": start,
            "line_item_usage_account_id": "111122223333", "line_item_line_item_type": "Usage",
            "line_item_usage_type": "USE1-NovaMicro-input-tokens", "line_item_iam_principal": principal,
            "line_item_usage_amount": 5.0, "line_item_unblended_cost": cost,
            "product": {"product_name": "Amazon Bedrock"}, "product_region_code": "us-east-1",
            "tags": {"iamPrincipal/team": "search"},
        }
        for principal, cost in costs
    ]  # fmt: skip
    if rows:
        body = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), body, coerce_timestamps="ms")
        aws.client("s3").put_object(Bucket=BUCKET, Key=data, Body=body.getvalue())
    manifest = {"dataFiles": [f"s3://{BUCKET}/{data}"] if rows else []}
    key = f"{EXPORT}/metadata/BILLING_PERIOD={period:%Y-%m}/focuswatch-principals-Manifest.json"
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(manifest).encode())


def deployed_tables():
    session = boto3.Session()
    engine = AthenaEngine(
        session=session,
        database=DATABASE,
        workgroup="focuswatch",
        results=f"s3://{BUCKET}/athena-results/",
        run_id="run",
    )
    return AthenaTables(
        engine, session.client("glue"), AthenaTableFiles(session.client("s3"), BUCKET, "run"), Catalog.load()
    )


def refreshed(tmp_path, *, tables=None):
    listing = list_s3(f"s3://{BUCKET}/{EXPORT}", mirror=tmp_path / "mirror")
    return refresh_principals(tables or deployed_tables(), listing, progress=lambda text: None)


def caller_costs():
    """Return the costs by day and caller, as detections read them."""
    rows = deployed_tables().engine.query(
        "SELECT charge_date, iam_principal, effective_cost, tags FROM principal_charges", label="callers"
    )
    assert all(row["tags"] == {"iamPrincipal/team": "search"} for row in rows)
    return sorted((row["charge_date"], row["iam_principal"], row["effective_cost"]) for row in rows)


def test_each_changed_month_is_folded_once_and_switched_in_one_step(aws, tmp_path):
    """A month that is delivered again replaces its rows; unchanged months run no statement; July has no callers."""
    may, june, july = date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)
    deliver(aws, may, [(BOB, 3.0), (BOB, 2.0), ("", 9.0)])
    deliver(aws, june, [(BOB, 7.0)])
    deliver(aws, july, [])
    assert refreshed(tmp_path) == ()
    assert caller_costs() == [(date(2026, 5, 2), BOB, 5.0), (date(2026, 6, 2), BOB, 7.0)]
    tables = deployed_tables()
    assert refreshed(tmp_path, tables=tables) == ()
    assert tables.engine.executed == []
    deliver(aws, june, [(BOB, 8.0)])
    tables = deployed_tables()
    refreshed(tmp_path, tables=tables)
    assert [one.label for one in tables.engine.executed] == ["refresh of principal_charges 2026-06"]
    assert caller_costs() == [(date(2026, 5, 2), BOB, 5.0), (date(2026, 6, 2), BOB, 8.0)]


def test_month_that_cannot_be_read_keeps_its_rows_and_is_reported(aws, tmp_path):
    """The next refresh reads it again."""
    april = date(2026, 4, 1)
    deliver(aws, april, [(BOB, 1.0)])
    refreshed(tmp_path)
    before = caller_costs()
    key = f"{EXPORT}/data/BILLING_PERIOD=2026-04/part-00001.snappy.parquet"
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"not Parquet")
    (warning,) = refreshed(tmp_path)
    assert warning.startswith("callers of Bedrock: 2026-04: refresh of principal_charges 2026-04: Athena")
    assert caller_costs() == before
    deliver(aws, april, [(BOB, 2.0)])
    assert refreshed(tmp_path) == ()
    assert caller_costs() == [(date(2026, 4, 2), BOB, 2.0), *before[1:]]
