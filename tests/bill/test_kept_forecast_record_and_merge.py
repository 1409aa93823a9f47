"""Forecasts that a deployment stores: one Parquet file in S3, to which each day is added."""

from dataclasses import fields, replace
from datetime import date, timedelta

import boto3
from moto import mock_aws

from focuswatch.bill.athena_bill import AthenaBill
from focuswatch.bill.kept_forecast_record_and_merge import KeptForecast
from focuswatch.bill.refresh.switch_athena_table_periods_and_locate_export import AthenaTables
from focuswatch.bill.refresh.write_read_delete_athena_table_files import AthenaTableFiles
from focuswatch.bill.schema.columns_of_all_tables import FORECASTS

JUNE = date(2026, 6, 1)
FIRST = KeptForecast(JUNE + timedelta(days=1), JUNE, "team", "search", JUNE, 10.5, 290.0, 300.25, 320.0)


def test_columns_are_the_fields_of_a_forecast():
    assert [field.name for field in fields(KeptForecast)] == list(FORECASTS)


@mock_aws
def test_forecasts_of_a_deployment_are_added_to_one_file():
    """The forecast of a stored day is not changed. Each month is read separately."""
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="data")
    tables = AthenaTables(engine=None, glue=None, files=AthenaTableFiles(s3, "data", "run"), catalog=None)
    bill = AthenaBill(tables, aws_engine=None, periods={}, summary=None, as_of=JUNE + timedelta(days=2))
    assert bill.kept_forecasts(JUNE) == []
    bill.keep_forecasts([FIRST])
    second = replace(FIRST, made_on=JUNE + timedelta(days=2), forecast=310.0)
    july = replace(second, month=date(2026, 7, 1))
    bill.keep_forecasts([replace(FIRST, forecast=1.0), second, july])
    assert bill.kept_forecasts(JUNE) == [FIRST, second]
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="data")["Contents"]] == [
        "tables/forecasts/forecasts.parquet"
    ]
