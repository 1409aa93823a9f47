"""Operational events in the table `events`: deployments, alarms and AWS Health of each account, and files of a CI."""

import io
import json
from datetime import UTC, date, datetime, timedelta

import boto3
import pyarrow.parquet as pq
import pytest

from focuswatch.collect.counts_and_refusals_of_collected_account import CollectedAccount
from focuswatch.collect.deployments_alarms_and_health import DEPLOYMENTS
from focuswatch.collect.operational_events_of_account import collect_events
from focuswatch.collect.parse_ci_event_files import UnreadableFileError, events_of_file
from focuswatch.collect.read_and_write_collected_tables_in_s3 import Store
from focuswatch.collect.services_not_offered import ServicesNotOffered
from tests.collect.test_collection_run import BUCKET, aws, new_accounts, run  # noqa: F401  aws is a fixture
from tests.given.cloud import TODAY, Cloud, RefusedError

ACCOUNT = "111122223333"
AT = datetime(2026, 3, 30, 14, 20, tzinfo=UTC)
SHOP = "arn:aws:ecs:us-east-1:111122223333:service/c/shop"
FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:checkout"


def trail_event(name="UpdateFunctionCode20150331v2", *, at=AT, source="lambda", **record):
    """Return an event as LookupEvents does: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Event.html"""
    record = {
        "userIdentity": {"arn": "arn:aws:sts::111122223333:assumed-role/ci/deploy"},
        "requestParameters": {"functionName": "checkout"},
        "responseElements": {"functionArn": FUNCTION},
    } | record
    return {
        "EventId": f"{name}-{at}",
        "EventName": name,
        "EventTime": at,
        "EventSource": f"{source}.amazonaws.com",
        "CloudTrailEvent": json.dumps(record),
    }


def alarm_change(name="checkout-errors", *, at=AT, to="ALARM"):
    """Return an item as DescribeAlarmHistory does: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_AlarmHistoryItem.html"""
    summary = f"Alarm updated from OK to {to}"
    return {"AlarmName": name, "Timestamp": at, "HistoryItemType": "StateUpdate", "HistorySummary": summary}


def health_event(service="LAMBDA", *, at=AT, region="us-east-1"):
    """Return an event as DescribeEvents does: https://docs.aws.amazon.com/health/latest/APIReference/API_Event.html"""
    return {
        "arn": f"arn:aws:health:{region}::event/{service}/A/1", "service": service, "startTime": at, "region": region,
        "eventTypeCode": f"AWS_{service}_OPERATIONAL_ISSUE", "eventTypeCategory": "issue",
    }  # fmt: skip


def collected(cloud, *, sources=("deployments", "alarms", "health"), regions=("us-east-1",)):
    """Return the rows of 30 and 31 March, and the refusals."""
    account = CollectedAccount(ACCOUNT)
    events = collect_events(
        account,
        session=cloud.session(),
        regions=regions,
        since=TODAY - timedelta(days=1),
        end_day=TODAY + timedelta(days=1),
        sources=sources,
        not_offered=ServicesNotOffered(),
    )
    return events, account.refusals


def values(event):
    return (event.service_name, event.resource_id, event.kind, event.reference)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            trail_event(),
            ("AWS Lambda", FUNCTION, "UpdateFunctionCode checkout by arn:aws:sts::111122223333:assumed-role/ci/deploy"),
        ),
        (
            trail_event(
                "UpdateService", source="ecs", requestParameters={"service": "shop", "cluster": "c"},
                responseElements={"service": {"serviceArn": SHOP}}, userIdentity={},
            ),
            ("Amazon Elastic Container Service", SHOP, "UpdateService shop"),
        ),
        (
            trail_event("StartPipelineExecution", source="codepipeline", requestParameters={"name": "release"},
                        responseElements={"pipelineExecutionId": "1"}, userIdentity={}),
            ("AWS CodePipeline", None, "StartPipelineExecution release"),
        ),
        (
            trail_event(
                "CreateDeployment", source="greengrass", requestParameters=None, responseElements=None,
                userIdentity=None,
            ),
            (None, None, "CreateDeployment"),
        ),
    ],
    ids=["Lambda", "ECS", "CodePipeline", "a service without a name in the bill"],
)  # fmt: skip
def test_deployment_names_its_service_and_resource(event, expected):
    cloud = Cloud()
    cloud.add("LookupEvents", event)
    ((row,), refusals) = collected(cloud, sources=["deployments"])
    service, resource, reference = expected
    assert values(row) == (service, resource, "deployment", reference)
    assert (row.occurred_at, row.region_id, row.sub_account_id) == (
        AT.replace(tzinfo=None),
        "us-east-1",
        ACCOUNT,
    )
    assert refusals == []


def test_refused_deployment_is_left_out():
    """CloudTrail records denied calls too, but they deployed nothing."""
    cloud = Cloud()
    cloud.add(
        "LookupEvents",
        trail_event(errorCode="AccessDenied"),
        trail_event("UpdateEndpoint", source="sagemaker"),
    )
    (events, _) = collected(cloud, sources=["deployments"])
    assert [event.service_name for event in events] == ["Amazon SageMaker AI"]


def test_all_deployment_operations_are_looked_up_in_every_region():
    cloud = Cloud()
    collected(cloud, sources=["deployments"], regions=("us-east-1", "eu-west-1"))
    assert [cloud.calls[ACCOUNT, region, "LookupEvents"] for region in ("us-east-1", "eu-west-1")] == [
        len(DEPLOYMENTS)
    ] * 2


def test_alarm_has_the_service_of_its_metric():
    """This includes alarms on metric math. An alarm on a custom metric, or one deleted since, has no service."""
    cloud = Cloud()
    names = ("errors", "math", "own", "deleted")
    cloud.add(
        "DescribeAlarmHistory",
        *(alarm_change(name) for name in names),
        alarm_change("errors", to="OK"),
        alarm_change("errors", to="INSUFFICIENT_DATA"),
    )
    query = {"Id": "m", "MetricStat": {"Metric": {"Namespace": "AWS/ECS"}, "Period": 60, "Stat": "Sum"}}
    cloud.add(
        "DescribeAlarms",
        {"AlarmName": "errors", "Namespace": "AWS/Lambda"},
        {"AlarmName": "math", "Metrics": [{"Id": "e", "Expression": "m*2"}, query]},
        {"AlarmName": "own", "Namespace": "Shop"},
    )
    (events, _) = collected(cloud, sources=["alarms"])
    assert {(event.reference, event.service_name) for event in events} == {
        ("errors to ALARM", "AWS Lambda"), ("errors to OK", "AWS Lambda"),
        ("math to ALARM", "Amazon Elastic Container Service"), ("own to ALARM", None), ("deleted to ALARM", None),
    }  # fmt: skip


def test_health_events_are_read_once_for_all_regions():
    cloud = Cloud()
    cloud.add("DescribeEvents", health_event(), health_event("IAM", region="global"))
    (events, _) = collected(cloud, sources=["health"], regions=("eu-west-1", "us-west-2"))
    assert [(event.service_name, event.region_id) for event in events] == [
        ("AWS Lambda", "us-east-1"),
        (None, None),
    ]
    assert events[0].reference == "AWS_LAMBDA_OPERATIONAL_ISSUE (issue)"


def test_account_without_business_support_is_reported_and_keeps_its_other_events():
    def refuse(_account, _region, service):
        return RefusedError("SubscriptionRequiredException", "") if service == "health" else None

    cloud = Cloud(refusing=refuse)
    cloud.add("LookupEvents", trail_event())
    (events, refusals) = collected(cloud)
    assert len(events) == 1
    assert [(one.service, one.reason) for one in refusals] == [("health", "SubscriptionRequiredException:")]


def stored():
    """Return the rows of the table `events` by file."""
    client = boto3.client("s3")
    listed = client.list_objects_v2(Bucket=BUCKET, Prefix="tables/events/").get("Contents", ())
    return {
        item["Key"].removeprefix("tables/events/"): pq.read_table(
            io.BytesIO(client.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read())
        ).to_pylist()
        for item in listed
    }


def test_runs_add_events_and_lose_none(aws):  # noqa: F811
    """A first run reads 14 days; a later one reads two days again, and an account that refuses keeps its events."""
    cloud, (account,) = Cloud(), new_accounts(aws, 1)
    cloud.add("LookupEvents", trail_event(), account=account)
    summary = run(aws, cloud, events=["deployments"])
    assert summary.events == 1
    assert len(stored()) == 15 and len(stored()["2026-03-30.parquet"]) == 1
    cloud.add("LookupEvents", trail_event("UpdateEndpoint", source="sagemaker"), account=account)
    assert run(aws, cloud, events=["deployments"]).events == 1
    later = TODAY + timedelta(days=1)
    assert run(aws, cloud, events=["deployments"], today=later, refusing=[account]).events == 0
    assert len(stored()["2026-03-30.parquet"]) == 2
    assert stored()["2026-04-01.parquet"] == []


def test_run_without_sources_makes_no_calls_for_events(aws):  # noqa: F811
    cloud = Cloud()
    run(aws, cloud)
    assert not [
        call for call in cloud.calls if call[2] in ("LookupEvents", "DescribeAlarmHistory", "DescribeEvents")
    ]
    assert stored() == {}


def test_files_of_a_ci_become_rows_and_a_deleted_file_loses_its_rows(aws):  # noqa: F811
    """An unreadable file is reported with its line and does not fail the run."""
    client, cloud = boto3.client("s3"), Cloud()

    def put(name, text):
        client.put_object(Bucket=BUCKET, Key=f"events/{name}", Body=text.encode())

    put(
        "ci/june.csv",
        "occurred_at,sub_account_id,kind,service_name\n2026-03-30T16:20:00+02:00,111122223333,deployment,Lambda\n",
    )
    put("bad.jsonl", '{"occurred_at": "yesterday", "sub_account_id": "1", "kind": "deployment"}\n')
    put("readme.txt", "not events")
    summary = run(aws, cloud, events=["files"])
    assert summary.refusals == {
        "events/bad.jsonl": "line 1: occurred_at is 'yesterday', expected a time such as 2026-06-04T14:20:00Z"
    }
    ((name, (row,)),) = stored().items()
    assert name == "file-events%2Fci%2Fjune.csv.parquet"
    assert (row["occurred_at"], row["service_name"]) == (datetime(2026, 3, 30, 14, 20), "Lambda")
    client.delete_object(Bucket=BUCKET, Key="events/ci/june.csv")
    run(aws, cloud, events=["files"])
    assert stored() == {name: []}


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("a.csv", b"occurred_at,kind\n2026-03-30,deployment\n", "line 2: lacks sub_account_id"),
        ("a.jsonl", b"\n[1]\n", "line 2: expected a JSON object"),
        ("a.jsonl", b"{", "line 1: not JSON"),
        ("a.csv", b"\xe9", "not UTF-8"),
    ],
)
def test_error_for_an_unreadable_file_names_the_line(name, body, message):
    with pytest.raises(UnreadableFileError, match=message):
        events_of_file(name, body)


def test_account_that_moves_keeps_its_earlier_ou_as_a_period(aws):  # noqa: F811
    """The OU applies from the day on which it was first listed; a second run on that day adds no period."""
    root = aws.list_roots()["Roots"][0]["Id"]
    unit = aws.create_organizational_unit(ParentId=root, Name="prod")["OrganizationalUnit"]["Id"]
    (account,) = new_accounts(aws, 1)
    run(aws, Cloud())
    aws.move_account(AccountId=account, SourceParentId=root, DestinationParentId=unit)
    moved_on = TODAY + timedelta(days=3)
    run(aws, Cloud(), today=moved_on)
    aws.tag_resource(ResourceId=account, Tags=[{"Key": "team", "Value": "search"}])
    run(aws, Cloud(), today=moved_on)
    aws.tag_resource(ResourceId=account, Tags=[{"Key": "team", "Value": "fraud"}])
    tagged_on = moved_on + timedelta(days=1)
    run(aws, Cloud(), today=tagged_on)
    identity = {"sub_account_id": account, "name": "team 0"}
    history = Store(boto3.client("s3"), BUCKET).account_history()
    assert history == [
        identity | {"ou_path": "/", "tags": {}, "valid_from": None, "valid_to": moved_on},
        identity
        | {"ou_path": "/prod", "tags": {"team": "search"}, "valid_from": moved_on, "valid_to": tagged_on},
    ]
    assert isinstance(history[0]["valid_to"], date)
