"""The Lambda `collect`: its heartbeat and tables, and that it calls only what it is granted."""

import io
from types import SimpleNamespace

import boto3
import pyarrow.parquet as pq
import pytest
from moto import mock_aws

from focuswatch.collect.collector_iam_actions import ACTIONS, member_actions
from focuswatch.operations.function_run_heartbeats import heartbeats
from tests.given.cloud import Cloud, endpoint, everything

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
    """The ledger's table, in the environment of the Lambda."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="focuswatch-data")
        boto3.client("organizations").create_organization(FeatureSet="ALL")
        yield boto3.resource("dynamodb").create_table(
            TableName="focuswatch-ledger",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("kind", "id")],
        )  # fmt: skip


def test_heartbeat_names_the_refusing_account(ledger, monkeypatch):
    from lambdas import collect_activity_tokens_and_events

    cloud = Cloud()
    payer = boto3.client("organizations").describe_organization()["Organization"]["MasterAccountId"]
    created = boto3.client("organizations").create_account(AccountName="shut", Email="shut@example.com")
    shut = created["CreateAccountStatus"]["AccountId"]
    endpoint(cloud, account=payer)
    monkeypatch.setattr(
        collect_activity_tokens_and_events,
        "member_sessions",
        lambda sts, role, external_id: cloud.sessions(refusing=[shut]),
    )
    context = SimpleNamespace(
        function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r"
    )
    returned = collect_activity_tokens_and_events.handler({}, context)
    heartbeat = heartbeats(ledger)["collect"]
    assert heartbeat.model_dump(mode="json") == returned
    assert heartbeat.ran == (payer,)
    assert list(heartbeat.failed) == [shut] and heartbeat.failed[shut].startswith("AccessDenied: ")
    body = boto3.client("s3").get_object(Bucket="focuswatch-data", Key="tables/accounts/accounts.parquet")
    assert set(pq.read_table(io.BytesIO(body["Body"].read())).column("sub_account_id").to_pylist()) == {
        payer,
        shut,
    }


def test_member_role_grants_exactly_the_actions_that_are_called():
    """Some services have other names in IAM than as clients."""
    from focuswatch.collect.access_refusals import ServiceNotOffered
    from focuswatch.collect.cloudtrail_changes import CloudTrail
    from focuswatch.collect.collect_ai_links import collect_links
    from focuswatch.collect.collection_window import Window
    from focuswatch.collect.deployments_alarms_and_health import READERS
    from focuswatch.collect.operational_events_of_account import collect_events
    from focuswatch.collect.resource_activity import collect_account
    from tests.collect import test_collect_ai_links
    from tests.collect.test_resource_activity import ACCOUNT, MemoryStore
    from tests.given.cloud import TODAY
    from tests.given.explanations import EXPLANATION, RISE

    cloud = Cloud()
    everything(cloud)
    window = Window(TODAY, recent_days=1, first_days=1)
    collected = collect_account(
        ACCOUNT, session=cloud.session(), regions=["us-east-1"], window=window, store=MemoryStore(),
        not_offered=ServiceNotOffered(),
    )  # fmt: skip
    collect_links(
        collected, session=cloud.session(), regions=["us-east-1"], today=TODAY,
        store=test_collect_ai_links.MemoryStore(), not_offered=ServiceNotOffered(),
    )  # fmt: skip
    assert collected.refusals == []
    CloudTrail(lambda account: cloud.session(account), today=TODAY).with_changes(RISE, EXPLANATION)
    assert cloud.actions == set(ACTIONS)
    collect_events(
        collected, session=cloud.session(), regions=["us-east-1"], since=TODAY, end_day=TODAY,
        sources=list(READERS), not_offered=ServiceNotOffered(),
    )  # fmt: skip
    assert collected.refusals == []
    assert cloud.actions == set(member_actions(READERS))
