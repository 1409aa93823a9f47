"""The collector over HTTP, as far as moto implements the services: each call is signed for its account."""

from datetime import UTC, date, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from focuswatch.collect.collect_resource_activity import collect_account
from focuswatch.collect.days_to_collect import Window
from focuswatch.collect.read_and_write_collected_tables_in_s3 import Store
from focuswatch.collect.services_not_offered import ServicesNotOffered
from focuswatch.collect.shared_clients_for_member_accounts import Clients, assume, member_sessions
from tests.given.cloud import Cloud, midnight

BUCKET, REGION = "focuswatch-data", "us-east-1"
ACCOUNTS = ("111111111111", "222222222222")
# Operations that moto implements; Cloud responds to all others.
SUPPORTED = frozenset(
    {
        "ListEndpoints",
        "DescribeEndpoint",
        "ListCollections",
        "BatchGetCollection",
        "ListDomainNames",
        "DescribeDomainConfig",
        "ListCustomModels",
        "ListMetrics",
        "GetMetricData",
    }
)


@pytest.fixture
def aws(monkeypatch):
    """Start a local AWS with an empty bucket, and yield a client of STS."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield boto3.client("sts")


def create_resources(sts, account, *, calls, day):
    """Create an endpoint, a collection and a domain in the account; the endpoint has `calls` on that day."""
    role = f"arn:aws:iam::{account}:role/builder"
    keys = assume(sts, role, external_id="a-secret-word")
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], REGION)
    sagemaker = session.client("sagemaker")
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=role, PrimaryContainer={"Image": "i"})
    variant = {"VariantName": "a", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="old", EndpointConfigName="c")
    serverless = session.client("opensearchserverless")
    policy = '{"Rules": [{"ResourceType": "collection", "Resource": ["collection/docs"]}], "KmsARN": "arn:aws:kms:x"}'
    serverless.create_security_policy(name="docs", type="encryption", policy=policy)
    serverless.create_collection(name="docs", type="VECTORSEARCH")
    session.client("opensearch").create_domain(DomainName="logs")
    datum = {
        "MetricName": "Invocations",
        "Dimensions": [{"Name": "EndpointName", "Value": "old"}, {"Name": "VariantName", "Value": "a"}],
        "Timestamp": midnight(day) + timedelta(hours=15),
        "Value": calls,
    }
    session.client("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=[datum])


def test_each_call_is_signed_for_its_account(aws):
    # moto creates resources with the current time, so later days are collected.
    today = datetime.now(UTC).date() + timedelta(days=3)
    for account, calls in zip(ACCOUNTS, (3.0, 5.0), strict=True):
        create_resources(aws, account, calls=calls, day=today - timedelta(days=1))
    cloud = Cloud(left_out=SUPPORTED)
    clients = cloud.attach(Clients())
    session_for = member_sessions(aws, role="focuswatch-member", external_id="a-secret-word", clients=clients)
    store = Store(boto3.client("s3"), BUCKET)
    window = Window(today, recent_days=2, first_days=2)
    sessions = {account: session_for(account) for account in ACCOUNTS}
    cloud.keys = {session.credentials.access_key: account for account, session in sessions.items()}
    stored = {}
    for account in (*ACCOUNTS, *reversed(ACCOUNTS)):
        collected = collect_account(
            account,
            session=sessions[account],
            regions=[REGION],
            window=window,
            store=store,
            not_offered=ServicesNotOffered(),
        )
        assert collected.refusals == []
        stored[account] = values_of(store, account, day=today - timedelta(days=1))
    for account, calls in zip(ACCOUNTS, (3.0, 5.0), strict=True):
        assert stored[account]["Invocations"] == (f"arn:aws:sagemaker:{REGION}:{account}:endpoint/old", calls)
        assert stored[account]["SearchRequestRate"][1] == 0.0
        assert stored[account]["SearchRate"] == (f"arn:aws:es:{REGION}:{account}:domain/logs", 0.0)


def values_of(store, account, *, day: date):
    """Return resource and value by metric, as stored in the bucket."""
    values = store.activity(account, day=day)
    return {metric: (arn, value) for (_, _, arn, metric), value in values.items()}
