"""The local Athena behaves like Athena, so that statements that pass on it can pass on AWS."""

import io
import os
import re
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import awswrangler as wr
import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.fakes.local_athena_trino import over_trino
from tests.fakes.local_aws_with_cdk import local_aws
from tests.fakes.waiting import wait_until

BUCKET, DATABASE, WORKGROUP = "lake", "bills", "limited"
LIMIT_BYTES = 10_000_000  # the smallest limit that Athena accepts
OF_ALL_TYPES = """
SELECT
    1 AS Number,
    CAST(NULL AS varchar) AS nothing,
    '' AS empty,
    'a "quoted", text' AS words,
    CAST(1.50 AS decimal(10, 2)) AS money,
    CAST(0.1 AS double) AS share,
    MAP(ARRAY['team'], ARRAY['search']) AS tags,
    ARRAY['a', 'b'] AS names,
    DATE '2026-05-01' AS day,
    TIMESTAMP '2026-05-01 02:03:04' AS moment,
    true AS yes
"""


@pytest.fixture(scope="module", params=["DuckDB", "Trino"])
def aws(request, tmp_path_factory):
    """Start a local AWS with a bucket, a database and a workgroup, whose Athena runs statements on DuckDB or Trino."""
    with ExitStack() as opened:
        aws = opened.enter_context(local_aws(tmp_path_factory.mktemp("aws")))
        opened.enter_context(aws.used())
        if request.param == "Trino":
            opened.enter_context(over_trino(aws, request.getfixturevalue("local_trino")))
        aws.client("s3").create_bucket(Bucket=BUCKET)
        aws.client("glue").create_database(DatabaseInput={"Name": DATABASE})
        aws.client("athena").create_work_group(
            Name=WORKGROUP,
            Configuration={
                "EnforceWorkGroupConfiguration": True,
                "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/results/"},
                "BytesScannedCutoffPerQuery": LIMIT_BYTES,
            },
        )
        yield aws


@pytest.fixture
def table(aws, request):
    """Return a function that creates a table from pairs of column and type, and returns its unique name."""
    created = []

    def create(columns, *, keys=(), parameters=None):
        name = f"{request.node.name[5:40].strip('_')}_{len(created)}"
        created.append(name)
        aws.client("glue").create_table(
            DatabaseName=DATABASE,
            TableInput={
                "Name": name,
                "Parameters": parameters or {},
                "PartitionKeys": [{"Name": key, "Type": type_} for key, type_ in keys],
                "StorageDescriptor": {
                    "Location": f"s3://{BUCKET}/tables/{name}/",
                    "Columns": [{"Name": column, "Type": type_} for column, type_ in columns],
                },
            },
        )
        return name

    return create


def put(key, **columns):
    """Store a Parquet object with these columns, and return its size."""
    body = io.BytesIO()
    pq.write_table(pa.table(columns), body)
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body.getvalue())
    return len(body.getvalue())


def partition(name, value, folder):
    """Register a partition whose files are in a folder of any name."""
    storage = {"Location": f"s3://{BUCKET}/{folder}", "Columns": []}
    boto3.client("glue").create_partition(
        DatabaseName=DATABASE,
        TableName=name,
        PartitionInput={"Values": [value], "StorageDescriptor": storage},
    )


def run(statement):
    """Run a statement, and return its QueryExecution."""
    client = boto3.client("athena")
    context = {"Database": DATABASE}
    started = client.start_query_execution(
        QueryString=statement, WorkGroup=WORKGROUP, QueryExecutionContext=context
    )
    return client.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]


def rows(statement):
    """Return the rows of a SELECT as text, without the header."""
    client = boto3.client("athena")
    execution = run(statement)
    assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
    rows = client.get_query_results(QueryExecutionId=execution["QueryExecutionId"])["ResultSet"]["Rows"]
    return [tuple(datum.get("VarCharValue") for datum in row["Data"]) for row in rows][1:]


def test_awswrangler_returns_each_type_unchanged(aws):
    """UNLOAD and Arrow keep maps, lists, decimals, dates and nulls; column names are lower-case."""
    frame = wr.athena.read_sql_query(
        OF_ALL_TYPES,
        database=DATABASE,
        workgroup=WORKGROUP,
        ctas_approach=False,
        unload_approach=True,
        s3_output=f"s3://{BUCKET}/unloaded/types/",
        dtype_backend="pyarrow",
    )
    (row,) = pa.Table.from_pandas(frame).to_pylist()
    assert row == {
        "number": 1,
        "nothing": None,
        "empty": "",
        "words": 'a "quoted", text',
        "money": Decimal("1.50"),
        "share": 0.1,
        "tags": [("team", "search")],
        "names": ["a", "b"],
        "day": date(2026, 5, 1),
        "moment": datetime(2026, 5, 1, 2, 3, 4),
        "yes": True,
    }


def test_select_writes_the_csv_that_awswrangler_reads(aws):
    """Values are quoted, null is empty, and GetQueryResults returns the types."""
    frame = wr.athena.read_sql_query(
        OF_ALL_TYPES, database=DATABASE, workgroup=WORKGROUP, ctas_approach=False
    )
    (row,) = frame.to_dict("records")
    assert (row["number"], row["money"], row["tags"], row["names"]) == (
        1,
        Decimal("1.50"),
        "{team=search}",
        "[a, b]",
    )
    assert (row["day"], row["words"]) == (date(2026, 5, 1), 'a "quoted", text')
    assert frame["nothing"].isna().all()


def test_partition_is_read_from_its_location(table):
    """Changing the location switches the data; two folders of a period are never read together."""
    name = table([("cost", "double")], keys=[("period", "string")])
    put(f"tables/{name}/period=2026-05/old/one", cost=[1.0])
    put(f"tables/{name}/period=2026-05/new/one", cost=[2.0])
    partition(name, "2026-05", f"tables/{name}/period=2026-05/old/")
    assert rows(f"SELECT period, sum(cost) AS cost FROM {name} GROUP BY period") == [("2026-05", "1.0")]
    storage = {"Location": f"s3://{BUCKET}/tables/{name}/period=2026-05/new/", "Columns": []}
    boto3.client("glue").update_partition(
        DatabaseName=DATABASE,
        TableName=name,
        PartitionValueList=["2026-05"],
        PartitionInput={"Values": ["2026-05"], "StorageDescriptor": storage},
    )
    assert rows(f"SELECT cost FROM {name}") == [("2.0",)]


def test_missing_partition_cannot_be_updated(table):
    """The error is that of Glue, so that the caller can create the partition."""
    name = table([("cost", "double")], keys=[("period", "string")])
    glue = boto3.client("glue")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.update_partition(
            DatabaseName=DATABASE,
            TableName=name,
            PartitionValueList=["2026-05"],
            PartitionInput={"Values": ["2026-05"], "StorageDescriptor": {"Columns": []}},
        )


def test_projected_partitions_follow_template_and_range(table):
    """The folder has the case of the template; Athena ignores values outside of the range."""
    this_month = f"{datetime.now(UTC):%Y-%m}"
    later = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m}"
    name = table(
        [("cost", "double")],
        keys=[("billing_period", "string")],
        parameters={
            "projection.enabled": "true",
            "projection.billing_period.type": "date",
            "projection.billing_period.format": "yyyy-MM",
            "projection.billing_period.range": "2026-02,NOW",
            "storage.location.template": f"s3://{BUCKET}/raw/BILLING_PERIOD=${{billing_period}}/",
        },
    )
    for month in ("2026-01", "2026-02", this_month, later):
        put(f"raw/BILLING_PERIOD={month}/bill-00001.snappy.parquet", cost=[1.0])
    put("raw/billing_period=2026-03/bill-00001.snappy.parquet", cost=[1.0])
    partitions = rows(f'SELECT billing_period, "$path" AS file FROM {name} ORDER BY 1')
    assert [month for month, _ in partitions] == ["2026-02", this_month]
    assert partitions[0][1] == f"s3://{BUCKET}/raw/BILLING_PERIOD=2026-02/bill-00001.snappy.parquet"


def test_file_with_other_types_than_glue_is_bad_data(table):
    """Athena does not cast Parquet columns. A missing column is null."""
    name = table([("cost", "double"), ("note", "string")])
    put(f"tables/{name}/one", cost=[1.0])
    assert rows(f"SELECT cost, note FROM {name}") == [("1.0", None)]
    put(f"tables/{name}/one", cost=["1.0"])
    status = run(f"SELECT cost FROM {name}")["Status"]
    assert status["State"] == "FAILED"
    assert re.search("HIVE_BAD_DATA|Unsupported Trino column type", status["StateChangeReason"])


def test_unload_refuses_a_folder_that_is_not_empty(aws):
    """UNLOAD never overwrites files."""
    statement = f"UNLOAD (SELECT 1 AS one) TO 's3://{BUCKET}/unloaded/twice/' WITH (format = 'PARQUET')"
    assert run(statement)["Status"]["State"] == "SUCCEEDED"
    status = run(statement)["Status"]
    assert (status["State"], status["AthenaError"]["ErrorCategory"]) == ("FAILED", 2)
    assert "HIVE_PATH_ALREADY_EXISTS" in status["StateChangeReason"]
    assert len(wr.s3.list_objects(f"s3://{BUCKET}/unloaded/twice/")) == 1


@pytest.mark.parametrize(
    ("select", "reason"),
    [
        ("SELECT NULL AS x", "Column type is unknown: x"),
        ("SELECT count(*)", "Column name not specified at position 1"),
        ("SELECT 1 AS x, 2 AS X", "Column name 'x' specified more than once"),
        ("SELECT current_timestamp AS x", "with time zone"),
    ],
)
def test_unload_refuses_columns_that_parquet_cannot_store(aws, select, reason):
    """Each column needs a unique name and a type."""
    execution = run(f"UNLOAD ({select}) TO 's3://{BUCKET}/unloaded/refused/' WITH (format = 'PARQUET')")
    assert (execution["Status"]["State"], reason in execution["Status"]["StateChangeReason"]) == (
        "FAILED",
        True,
    )


def test_unload_without_rows_writes_no_file(aws):
    """The manifest of the statement is empty."""
    execution = run(
        f"UNLOAD (SELECT 1 AS x WHERE false) TO 's3://{BUCKET}/unloaded/none/' WITH (format = 'PARQUET')"
    )
    assert wr.s3.list_objects(f"s3://{BUCKET}/unloaded/none/") == []
    bucket, _, key = execution["Statistics"]["DataManifestLocation"].removeprefix("s3://").partition("/")
    assert boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == b""


def test_failed_statement_has_the_reason(aws):
    """The reason starts with the error of Trino, and awswrangler raises."""
    with pytest.raises(wr.exceptions.QueryFailed, match="TABLE_NOT_FOUND.*nowhere"):
        wr.athena.read_sql_query(
            "SELECT 1 FROM nowhere", database=DATABASE, workgroup=WORKGROUP, ctas_approach=False
        )
    assert "COLUMN_NOT_FOUND" in run("SELECT nothing AS x")["Status"]["StateChangeReason"]
    with pytest.raises(ClientError, match="InvalidRequestException"):
        run("DROP TABLE charges")


def test_scanned_bytes_count_only_read_partitions(table):
    """Partitions are pruned by key; files are counted completely."""
    name = table([("cost", "double")], keys=[("period", "string")])
    sizes = {}
    for month in ("2026-04", "2026-05"):
        sizes[month] = put(f"tables/{name}/{month}/one", cost=[1.0, 2.0])
        partition(name, month, f"tables/{name}/{month}/")
    scanned = run(f"SELECT sum(cost + 1) AS x FROM {name} WHERE period = '2026-05'")["Statistics"][
        "DataScannedInBytes"
    ]
    assert scanned == sizes["2026-05"]
    scanned = run(f"SELECT sum(cost + 1) AS x FROM {name}")["Statistics"]["DataScannedInBytes"]
    assert scanned == sum(sizes.values())


def test_statement_over_the_scan_limit_is_canceled(table):
    """The error is that of Athena; nothing is written."""
    name = table([("noise", "string")])
    put(f"tables/{name}/one", noise=[os.urandom(200_000).hex() for _ in range(60)])
    target = f"s3://{BUCKET}/unloaded/limit/"
    execution = run(
        f"UNLOAD (SELECT max(noise || 'x') AS x FROM {name}) TO '{target}' WITH (format = 'PARQUET')"
    )
    assert (execution["Status"]["State"], execution["Status"]["StateChangeReason"]) == (
        "CANCELLED",
        "Bytes scanned limit was exceeded",
    )
    assert wr.s3.list_objects(target) == []


DIGITS = "(SELECT x FROM (VALUES ('0'), ('1'), ('2'), ('3'), ('4'), ('5'), ('6'), ('7'), ('8'), ('9')) AS digits(x))"
ENDLESS = f"""
SELECT count(*) AS endless
FROM {" CROSS JOIN ".join(f"{DIGITS} AS {name}" for name in "abcdefghijkl")}
WHERE strpos({" || ".join(f"{name}.x" for name in "abcdefghijkl")}, 'none') > 0
"""


def test_stopped_statement_is_canceled_on_trino(aws, request):
    """Its state is CANCELLED at once, and its thread is released."""
    client, runner = boto3.client("athena"), aws.athena.runner
    id = client.start_query_execution(QueryString=ENDLESS, WorkGroup=WORKGROUP)["QueryExecutionId"]
    this_query = "query LIKE '%count(*) AS endless%' AND query NOT LIKE '%system.runtime%'"
    is_trino = "Trino" in request.node.callspec.id
    if is_trino:
        trino = request.getfixturevalue("local_trino")
        assert trino.states(this_query, until=lambda states: states == ["RUNNING"]) == ["RUNNING"]
    assert eventually(lambda: id in runner.running)
    client.stop_query_execution(QueryExecutionId=id)
    status = client.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]
    assert (status["State"], status["StateChangeReason"]) == ("CANCELLED", "Query cancelled by user")
    assert eventually(lambda: id not in runner.running)
    if is_trino:
        assert trino.states(this_query, until=lambda states: states == ["FAILED"]) == ["FAILED"]


def eventually(condition):
    """Wait until the condition is true; return whether it became true."""
    return wait_until(lambda: condition() or None, stalled_seconds=30) is not None


def test_throttling_can_be_simulated(aws):
    """The first requests are refused; later requests succeed."""
    without_retries = boto3.client("athena", config=Config(retries={"total_max_attempts": 1}))
    aws.athena.throttle("GetWorkGroup", times=1, code="TooManyRequestsException")
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        without_retries.get_work_group(WorkGroup=WORKGROUP)
    assert without_retries.get_work_group(WorkGroup=WORKGROUP)["WorkGroup"]["Name"] == WORKGROUP


def test_role_without_a_policy_is_denied(aws):
    """The local AWS enforces policies, so that a run of a Lambda function proves its permissions."""
    iam = aws.client("iam")
    iam.create_user(UserName="guest")
    key = iam.create_access_key(UserName="guest")["AccessKey"]
    guest = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"])
    with pytest.raises(ClientError, match="AccessDenied"):
        guest.client("s3").list_objects_v2(Bucket=BUCKET)
    with pytest.raises(ClientError, match="AccessDenied"):
        guest.client("glue").update_partition(
            DatabaseName=DATABASE, TableName="any", PartitionValueList=["2026-05"], PartitionInput={}
        )
    with pytest.raises(ClientError, match="AccessDenied"):
        guest.client("athena").start_query_execution(QueryString="SELECT 1 AS one", WorkGroup=WORKGROUP)
