"""The Lambda `collect`: its heartbeat, its tables, and the IAM actions that it needs."""

import io

import boto3
import pyarrow.parquet as pq
import pytest
from moto import mock_aws

from focuswatch.collect.collector_iam_actions import ACTIONS, member_actions
from focuswatch.operations.function_run_heartbeats import heartbeats
from tests.given.cloud import Cloud, endpoint, everything
from tests.given.lambda_context import LambdaContext

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "collect",
    "POWERTOOLS_METRICS_NAMESPACE": "focuswatch",
    "FOCUSWATCH_BUCKET": "focuswatch-data",
    "FOCUSWATCH_LEDGER": "focuswatch-ledger",
    "FOCUSWATCH_MEMBER_ROLE": "focuswatch-member",
    "FOCUSWATCH_EXTERNAL_ID": "a-secret-word",
    "FOCUSWATCH_REGIONS": "us-east-1,eu-west-1",
    "FOCUSWATCH_MANAGEMENT_ROLE": "arn:aws:iam::123456789012:role/focuswatch-organisation-reader",
}


@pytest.fixture
def ledger(monkeypatch):
    """Set the Lambda's environment, and yield the ledger's table of a local AWS."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="focuswatch-data")
        boto3.client("organizations").create_organization(FeatureSet="ALL")
        yield boto3.resource("dynamodb").create_table(
            TableName="focuswatch-ledger",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "kind", "KeyType": "HASH"},
                {"AttributeName": "id", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("kind", "id")],
        )


def test_heartbeat_names_the_refusing_account(ledger, monkeypatch):
    from lambdas import collect_accounts_activity_links_tokens_and_events

    cloud = Cloud()
    payer = boto3.client("organizations").describe_organization()["Organization"]["MasterAccountId"]
    created = boto3.client("organizations").create_account(AccountName="shut", Email="shut@example.com")
    refusing_account = created["CreateAccountStatus"]["AccountId"]
    endpoint(cloud, account=payer)
    monkeypatch.setattr(
        collect_accounts_activity_links_tokens_and_events,
        "member_sessions",
        lambda sts, role, external_id: cloud.sessions(refusing=[refusing_account]),
    )
    returned = collect_accounts_activity_links_tokens_and_events.handler({}, LambdaContext())
    heartbeat = heartbeats(ledger)["collect"]
    assert heartbeat.model_dump(mode="json") == returned
    assert heartbeat.ran == (payer,)
    assert list(heartbeat.failed) == [refusing_account]
    assert heartbeat.failed[refusing_account].startswith("AccessDenied: ")
    body = boto3.client("s3").get_object(Bucket="focuswatch-data", Key="tables/accounts/accounts.parquet")
    assert set(pq.read_table(io.BytesIO(body["Body"].read())).column("sub_account_id").to_pylist()) == {
        payer,
        refusing_account,
    }


def test_member_role_grants_exactly_the_actions_that_are_called():
    """Some services have another name in IAM than their boto3 client."""
    from focuswatch.collect.cloudtrail_changes import CloudTrail
    from focuswatch.collect.collect_ai_links import collect_links
    from focuswatch.collect.collect_resource_activity import collect_account
    from focuswatch.collect.days_to_collect import Window
    from focuswatch.collect.deployments_alarms_and_health import READERS
    from focuswatch.collect.operational_events_of_account import collect_events
    from focuswatch.collect.services_not_offered import ServicesNotOffered
    from tests.collect import test_collect_ai_links
    from tests.collect.test_collect_resource_activity import ACCOUNT, MemoryStore
    from tests.given.cloud import TODAY
    from tests.given.explanations import EXPLANATION, RISE

    cloud = Cloud()
    everything(cloud)
    window = Window(TODAY, recent_days=1, first_days=1)
    collected = collect_account(
        ACCOUNT,
        session=cloud.session(),
        regions=["us-east-1"],
        window=window,
        store=MemoryStore(),
        not_offered=ServicesNotOffered(),
    )
    collect_links(
        collected,
        session=cloud.session(),
        regions=["us-east-1"],
        today=TODAY,
        store=test_collect_ai_links.MemoryStore(),
        not_offered=ServicesNotOffered(),
    )
    assert collected.refusals == []
    CloudTrail(lambda account: cloud.session(account), today=TODAY).with_changes(RISE, EXPLANATION)
    assert cloud.actions == set(ACTIONS)
    collect_events(
        collected,
        session=cloud.session(),
        regions=["us-east-1"],
        since=TODAY,
        end_day=TODAY,
        sources=list(READERS),
        not_offered=ServicesNotOffered(),
    )
    assert collected.refusals == []
    assert cloud.actions == set(member_actions(READERS))
