"""A run over the whole organization collects every account; a refusing account is reported and fails nothing."""

import io
import time
from datetime import date, timedelta
from threading import Lock

import boto3
import duckdb
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from focuswatch.collect.collection_refusals import Refusal
from focuswatch.collect.collection_run import Summary, collect
from focuswatch.collect.read_and_write_collected_tables_in_s3 import Store
from focuswatch.collect.shared_clients_for_member_accounts import ADAPTIVE_RETRIES, Clients, member_sessions
from tests.given.cloud import TODAY, Cloud, RefusedError, ago, endpoint

BUCKET = "focuswatch-data"
REGION = "us-east-1"


@pytest.fixture
def aws(monkeypatch):
    """Start a local AWS without real credentials, and yield a client of Organizations."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        organizations = boto3.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        yield organizations


def new_accounts(organizations, count):
    """Create accounts next to the payer."""
    created = [
        organizations.create_account(AccountName=f"team {number}", Email=f"team{number}@example.com")
        for number in range(count)
    ]
    return [status["CreateAccountStatus"]["AccountId"] for status in created]


def run(organizations, cloud, *, today=TODAY, refusing=(), regions=(REGION,), **options):
    """Return the summary of a run with sessions from STS."""
    clients = cloud.attach(Clients())
    sts = boto3.client("sts", config=ADAPTIVE_RETRIES)
    session_of = member_sessions(sts, role="focuswatch-member", external_id="a-secret-word", clients=clients)

    def session_for(account):
        if account in refusing:
            error = {
                "Code": "AccessDenied",
                "Message": f"not authorized to perform sts:AssumeRole in {account}",
            }
            raise ClientError({"Error": error}, "AssumeRole")
        member = session_of(account)
        cloud.keys[member.credentials.access_key] = account
        return member

    return collect(
        organizations,
        session_for=session_for,
        store=Store(boto3.client("s3"), BUCKET),
        regions=regions,
        today=today,
        **options,
    )


def table(prefix):
    """Return the rows of every Parquet file under a prefix."""
    client = boto3.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
    return [
        row
        for key in keys
        for row in pq.read_table(
            io.BytesIO(client.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        ).to_pylist()
    ]


def test_two_hundred_accounts_are_collected_in_parallel(aws):
    cloud, accounts = Cloud(), new_accounts(aws, 200)
    for account in accounts:
        endpoint(cloud, account=account)
    cloud.measure(
        "AWS/SageMaker",
        "Invocations",
        by={"EndpointName": "old", "VariantName": "a"},
        days={ago(1): 9.0},
        account=accounts[-1],
    )
    concurrent_calls = ConcurrentCalls(cloud)
    summary = run(aws, cloud, recent_days=2, first_days=2)
    assert summary.accounts == len(summary.collected) == 201  # including the payer account
    assert (summary.refused, summary.resources, summary.rows) == ((), 200, 400)
    rows = table("tables/activity/")
    assert len(rows) == 400 and sum(row["value"] for row in rows) == 9
    assert len(table("tables/accounts/")) == 201
    assert concurrent_calls.most > 1


class ConcurrentCalls:
    """Count how many accounts are called at the same time."""

    def __init__(self, cloud):
        self.now, self.most, self.lock = 0, 0, Lock()
        self.inner, cloud.answer = cloud.answer, self.answer

    def answer(self, *arguments):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.001)  # like a network, so that other threads run
        try:
            return self.inner(*arguments)
        finally:
            with self.lock:
                self.now -= 1


def test_refusing_account_is_named_and_keeps_its_stored_days(aws):
    cloud, (good, bad) = Cloud(), new_accounts(aws, 2)
    arns = {account: endpoint(cloud, account=account) for account in (good, bad)}
    run(aws, cloud, first_days=3)
    later = TODAY + timedelta(days=1)
    summary = run(aws, cloud, first_days=3, refusing=[bad], today=later)
    assert bad not in summary.collected and good in summary.collected
    assert summary.refusals == {bad: "AccessDenied: not authorized to perform sts:AssumeRole in ACCOUNT"}
    days = {
        arn: sorted(row["activity_date"] for row in table("tables/activity/") if row["resource_id"] == arn)
        for arn in arns.values()
    }
    assert days == {arns[good]: [ago(3), ago(2), ago(1), TODAY], arns[bad]: [ago(3), ago(2), ago(1)]}


def test_equal_refusals_are_one_line(aws):
    accounts = new_accounts(aws, 8)
    cloud = Cloud(
        refusing=lambda account, region, service: (
            RefusedError(message=f"arn:aws:sts::{account}:role is not authorized")
            if service == "kendra"
            else None
        )
    )
    summary = run(aws, cloud)
    ((place, reason),) = summary.refusals.items()
    assert place.startswith("kendra in us-east-1, accounts ") and place.endswith(" and 4 more")
    assert reason == "AccessDeniedException: arn:aws:sts::ACCOUNT:role is not authorized"
    assert set(accounts) <= set(summary.collected)


def test_account_has_its_name_tags_and_organizational_unit(aws):
    cloud = Cloud()
    root = aws.list_roots()["Roots"][0]["Id"]
    prod = aws.create_organizational_unit(ParentId=root, Name="prod")["OrganizationalUnit"]["Id"]
    search = aws.create_organizational_unit(ParentId=prod, Name="search")["OrganizationalUnit"]["Id"]
    (account,) = new_accounts(aws, 1)
    aws.move_account(AccountId=account, SourceParentId=root, DestinationParentId=search)
    aws.tag_resource(ResourceId=account, Tags=[{"Key": "team", "Value": "search"}])
    run(aws, cloud)
    rows = {row["sub_account_id"]: row for row in table("tables/accounts/")}
    row = rows[account]
    assert (row["name"], row["email"], row["ou_path"]) == (
        "team 0",
        "team0@example.com",
        "/prod/search",
    )
    assert (dict(row["tags"]), row["closed_on"]) == ({"team": "search"}, None)
    assert isinstance(row["joined_on"], date)
    assert {other["ou_path"] for id, other in rows.items() if id != account} == {"/"}


def test_closed_account_is_not_collected_and_keeps_its_first_closing_day(aws):
    cloud, (closed, left) = Cloud(), new_accounts(aws, 2)
    run(aws, cloud)
    aws.close_account(AccountId=closed)
    aws.remove_account_from_organization(AccountId=left)
    for later in (1, 5):
        summary = run(aws, cloud, today=TODAY + timedelta(days=later))
    rows = {row["sub_account_id"]: row["closed_on"] for row in table("tables/accounts/")}
    assert (rows[closed], rows[left]) == (TODAY + timedelta(days=1), TODAY + timedelta(days=1))
    assert not {closed, left} & set(summary.collected)


def test_files_are_a_table_partitioned_by_day(aws, tmp_path):
    cloud, (account,) = Cloud(), new_accounts(aws, 1)
    arn = endpoint(cloud, account=account)
    run(aws, cloud, first_days=3)
    client = boto3.client("s3")
    for day in (3, 2, 1):
        key = f"tables/activity/activity_date={ago(day)}/{account}.parquet"
        (tmp_path / f"activity_date={ago(day)}").mkdir()
        client.download_file(BUCKET, key, str(tmp_path / f"activity_date={ago(day)}" / "a.parquet"))
    columns = "activity_date::date, resource_id, metric, value"
    read = f"SELECT {columns} FROM read_parquet('{tmp_path}/*/*.parquet', hive_partitioning = "
    expected = [(ago(day), arn, "Invocations", 0.0) for day in (3, 2, 1)]
    for partitioned in ("true", "false"):
        assert duckdb.sql(f"{read}{partitioned}) ORDER BY 1").fetchall() == expected


def test_repeated_run_writes_nothing(aws):
    cloud, (account,) = Cloud(), new_accounts(aws, 1)
    endpoint(cloud, account=account)
    first = run(aws, cloud)
    again = run(aws, cloud)
    assert (first.rows, again.rows) == (18, 0)


def test_unexpected_response_fails_one_service_of_one_account_only(aws):
    cloud, (good, odd) = Cloud(), new_accounts(aws, 2)
    endpoint(cloud, account=good)
    cloud.add("ListEndpoints", {"AThingThatIs": "no endpoint"}, account=odd)
    summary = run(aws, cloud, first_days=3)
    assert summary.refusals == {
        f"sagemaker in {REGION}, accounts {odd}": "unexpected KeyError: 'EndpointName'"
    }
    assert len(table("tables/activity/")) == 3


def test_refusing_bucket_ends_the_run(aws):
    (account,) = new_accounts(aws, 1)
    cloud = Cloud()
    endpoint(cloud, account=account)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        collect(
            aws,
            session_for=cloud.sessions(),
            store=Store(boto3.client("s3"), "another-bucket"),
            regions=[REGION],
            today=TODAY,
        )


def test_heartbeat_of_thousands_of_refusals_stays_small():
    refused = tuple(Refusal(f"{number:012}", "", "", "x" * 200) for number in range(5000))
    refused += tuple(Refusal("1", "us-east-1", "sagemaker", f"{number}" + "x" * 190) for number in range(900))
    summary = Summary(5000, (), refused, (), resources=0, rows=0, seconds=1.0)
    assert len(summary.refusing_accounts) == 5000
    assert sum(len(place) + len(reason) for place, reason in summary.refusals.items()) < 200_000
    assert summary.refusals["more accounts"] == "4700 more; see the log of the Lambda function `collect`"
