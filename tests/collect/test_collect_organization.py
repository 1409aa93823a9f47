"""A run over the whole organisation: every account is looked at, one that refuses is named and fails nothing."""

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

from focuswatch.collect.access_refusals import Refusal
from focuswatch.collect.collected_files import Store
from focuswatch.collect.collection_run import Summary, collect
from focuswatch.collect.member_sessions import PATIENT, Clients, assuming
from tests.given.cloud import TODAY, Cloud, RefusedError, ago, endpoint

BUCKET = "focuswatch-data"
REGION = "us-east-1"


@pytest.fixture
def aws(monkeypatch):
    """Organizations, STS and S3 in memory; a process without anybody's credentials."""
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
    """So many accounts beside the payer."""
    made = [
        organizations.create_account(AccountName=f"team {number}", Email=f"team{number}@example.com")
        for number in range(count)
    ]
    return [one["CreateAccountStatus"]["AccountId"] for one in made]


def run(organizations, cloud, *, today=TODAY, refusing=(), regions=(REGION,), **options):
    """What came of a run, the sessions being given by STS."""
    clients = cloud.attach(Clients())
    sts = boto3.client("sts", config=PATIENT)
    assume = assuming(sts, role="focuswatch-member", external_id="a-secret-word", clients=clients)

    def session_for(account):
        if account in refusing:
            error = {
                "Code": "AccessDenied",
                "Message": f"not authorized to perform sts:AssumeRole in {account}",
            }
            raise ClientError({"Error": error}, "AssumeRole")
        member = assume(account)
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
    """Rows of every Parquet file under a prefix."""
    client = boto3.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    keys = [one["Key"] for page in pages for one in page.get("Contents", ())]
    return [
        row
        for key in keys
        for row in pq.read_table(io.BytesIO(client.get_object(Bucket=BUCKET, Key=key)["Body"].read())).to_pylist()
    ]  # fmt: skip


def test_two_hundred_accounts_are_all_looked_at_many_at_once(aws):
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
    crowd = Crowd(cloud)
    summary = run(aws, cloud, recent_days=2, first_days=2)
    assert summary.accounts == len(summary.looked_at) == 201  # the payer too
    assert (summary.refused, summary.resources, summary.rows) == ((), 200, 400)
    rows = table("tables/activity/")
    assert len(rows) == 400 and sum(row["value"] for row in rows) == 9
    assert len(table("tables/accounts/")) == 201
    assert crowd.most > 1


class Crowd:
    """Counts how many accounts are being asked at the same moment."""

    def __init__(self, cloud):
        self.now, self.most, self.lock = 0, 0, Lock()
        self.inner, cloud.answer = cloud.answer, self.answer

    def answer(self, *asked):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.001)  # as a network would: others get their turn
        try:
            return self.inner(*asked)
        finally:
            with self.lock:
                self.now -= 1


def test_an_account_that_refuses_is_named_and_keeps_what_was_known_of_it(aws):
    cloud, (good, bad) = Cloud(), new_accounts(aws, 2)
    arns = {account: endpoint(cloud, account=account) for account in (good, bad)}
    run(aws, cloud, first_days=3)
    later = TODAY + timedelta(days=1)
    summary = run(aws, cloud, first_days=3, refusing=[bad], today=later)
    assert bad not in summary.looked_at and good in summary.looked_at
    assert summary.refusals == {bad: "AccessDenied: not authorized to perform sts:AssumeRole in ACCOUNT"}
    days = {
        arn: sorted(row["activity_date"] for row in table("tables/activity/") if row["resource_id"] == arn)
        for arn in arns.values()
    }
    assert days == {arns[good]: [ago(3), ago(2), ago(1), TODAY], arns[bad]: [ago(3), ago(2), ago(1)]}


def test_refusals_that_are_alike_are_one_line(aws):
    accounts = new_accounts(aws, 8)
    cloud = Cloud(
        refusing=lambda account, region, service: (
            RefusedError(message=f"arn:aws:sts::{account}:role is not authorized")
            if service == "kendra"
            else None
        )
    )
    summary = run(aws, cloud)
    ((what, why),) = summary.refusals.items()
    assert what.startswith("kendra in us-east-1 of ") and what.endswith(" and 4 more")
    assert why == "AccessDeniedException: arn:aws:sts::ACCOUNT:role is not authorized"
    assert set(accounts) <= set(summary.looked_at)


def test_an_account_is_described_by_name_tags_and_where_it_is(aws):
    cloud = Cloud()
    root = aws.list_roots()["Roots"][0]["Id"]
    prod = aws.create_organizational_unit(ParentId=root, Name="prod")["OrganizationalUnit"]["Id"]
    search = aws.create_organizational_unit(ParentId=prod, Name="search")["OrganizationalUnit"]["Id"]
    (account,) = new_accounts(aws, 1)
    aws.move_account(AccountId=account, SourceParentId=root, DestinationParentId=search)
    aws.tag_resource(ResourceId=account, Tags=[{"Key": "team", "Value": "search"}])
    run(aws, cloud)
    rows = {row["sub_account_id"]: row for row in table("tables/accounts/")}
    found = rows[account]
    assert (found["name"], found["email"], found["ou_path"]) == (
        "team 0",
        "team0@example.com",
        "/prod/search",
    )
    assert (dict(found["tags"]), found["closed_on"]) == ({"team": "search"}, None)
    assert isinstance(found["joined_on"], date)
    assert {row["ou_path"] for one, row in rows.items() if one != account} == {"/"}


def test_a_closed_account_is_not_looked_at_and_keeps_the_day_it_was_first_seen_closed(aws):
    cloud, (closed, left) = Cloud(), new_accounts(aws, 2)
    run(aws, cloud)
    aws.close_account(AccountId=closed)
    aws.remove_account_from_organization(AccountId=left)
    for later in (1, 5):
        summary = run(aws, cloud, today=TODAY + timedelta(days=later))
    rows = {row["sub_account_id"]: row["closed_on"] for row in table("tables/accounts/")}
    assert (rows[closed], rows[left]) == (TODAY + timedelta(days=1), TODAY + timedelta(days=1))
    assert not {closed, left} & set(summary.looked_at)


def test_the_files_are_read_as_a_table_partitioned_by_day(aws, tmp_path):
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


def test_a_run_repeated_writes_nothing_anew(aws):
    cloud, (account,) = Cloud(), new_accounts(aws, 1)
    endpoint(cloud, account=account)
    first = run(aws, cloud)
    again = run(aws, cloud)
    assert (first.rows, again.rows) == (18, 0)


def test_an_answer_nobody_thought_of_costs_one_account_its_day_and_is_named(aws):
    cloud, (good, odd) = Cloud(), new_accounts(aws, 2)
    endpoint(cloud, account=good)
    cloud.add("ListEndpoints", {"AThingThatIs": "no endpoint"}, account=odd)
    summary = run(aws, cloud, first_days=3)
    assert summary.refusals == {odd: "unexpected KeyError: 'EndpointName'"}
    assert len(table("tables/activity/")) == 3


def test_a_bucket_that_refuses_ends_the_run(aws):
    (account,) = new_accounts(aws, 1)
    cloud = Cloud()
    endpoint(cloud, account=account)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        collect(
            aws,
            session_for=cloud.sessions(),
            store=Store(boto3.client("s3"), "nobodys-bucket"),
            regions=[REGION],
            today=TODAY,
        )


def test_a_heartbeat_of_thousands_of_refusals_stays_small():
    refused = tuple(Refusal(f"{number:012}", "", "", "x" * 200) for number in range(5000))
    refused += tuple(Refusal("1", "us-east-1", "sagemaker", f"{number}" + "x" * 190) for number in range(900))
    summary = Summary(5000, (), refused, (), resources=0, rows=0, seconds=1.0)
    assert len(summary.refusing_accounts) == 5000
    assert sum(len(what) + len(why) for what, why in summary.refusals.items()) < 200_000
    assert summary.refusals["more accounts"] == "4700 of them refused too"
