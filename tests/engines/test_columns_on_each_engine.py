"""Engine.columns returns the same arrays on each engine."""

import boto3
import numpy as np
import pytest

from focuswatch.engines.athena_engine import AthenaEngine
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.duckdb_engine import DuckDbEngine
from tests.fakes.local_aws_with_cdk import local_aws

BUCKET, WORKGROUP = "unloaded", "columns"
ROWS = """
SELECT * FROM (VALUES
    (DATE '2026-05-01', 1.5E0, 'a', true, DATE '2026-05-01', 2.5E0, 'b'),
    (CAST(NULL AS date), CAST(NULL AS double), CAST(NULL AS varchar), CAST(NULL AS boolean),
    DATE '2026-05-02', 3.5E0, 'c')
) AS examples(day, cost, name, yes, every_day, every_cost, every_name)
"""
WITH_NULLS = ["day", "cost", "name", "yes"]


@pytest.fixture(params=["DuckDB", "Athena", "Trino"])
def engine(request, tmp_path):
    """Yield each engine, with a local service behind it."""
    match request.param:
        case "DuckDB":
            yield DuckDbEngine(connect())
        case "Trino":
            yield request.getfixturevalue("local_trino").engine()
        case "Athena":
            with local_aws(tmp_path) as aws, aws.used():
                aws.client("s3").create_bucket(Bucket=BUCKET)
                aws.client("glue").create_database(DatabaseInput={"Name": "bills"})
                output = {"OutputLocation": f"s3://{BUCKET}/results/"}
                aws.client("athena").create_work_group(
                    Name=WORKGROUP,
                    Configuration={"EnforceWorkGroupConfiguration": True, "ResultConfiguration": output},
                )
                yield AthenaEngine(boto3.Session(), "bills", WORKGROUP, f"s3://{BUCKET}/", "run")


def test_nulls_are_masked_and_columns_without_nulls_are_plain(engine):
    """This includes dates: NaT could be compared with a day without an error."""
    columns = engine.columns(ROWS, label="columns")
    masked = [name for name, column in columns.items() if np.ma.isMaskedArray(column)]
    assert masked == WITH_NULLS
    assert {name: np.ma.count_masked(columns[name]) for name in masked} == dict.fromkeys(WITH_NULLS, 1)
    for name in ("day", "every_day"):
        assert columns[name].dtype.kind == "M"
        assert columns[name].astype("datetime64[D]").min() == np.datetime64("2026-05-01")
    for name in ("cost", "every_cost"):
        assert columns[name].dtype == float
    assert sorted(columns["every_name"].tolist()) == ["b", "c"]
