"""Changes on the day of a cost increase are read from CloudTrail within its limits; a refusal does not fail the run."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.awsrequest import AWSResponse
from moto import mock_aws

from focuswatch.collect.cloudtrail_changes import MOST_PAGES, CloudTrail
from focuswatch.collect.cloudtrail_sources_by_service import event_sources
from focuswatch.findings.cost_increase_explanation_models import MOST_CHANGES
from tests.given.cloud import Cloud, RefusedError
from tests.given.explanations import ACCOUNT, EXPLANATION, INSTANCE, RISE, RISEN_ON, explanation, part

MIDNIGHT = datetime(2026, 3, 29, tzinfo=UTC)
NOON = MIDNIGHT + timedelta(hours=12)
DEPLOYER = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/deploy"


def event(
    name="RunInstances", *, at=NOON, source="ec2", by=DEPLOYER, resource="i-0abc", read_only=False, **record
):
    """Return an event as LookupEvents does: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Event.html"""
    return {
        "EventId": f"{name}-{at}",
        "EventName": name,
        "EventTime": at,
        "EventSource": f"{source}.amazonaws.com",
        "ReadOnly": "true" if read_only else "false",
        "Username": "deploy",
        "Resources": [{"ResourceType": "AWS::EC2::Instance", "ResourceName": resource}],
        "CloudTrailEvent": json.dumps({"userIdentity": {"type": "AssumedRole", "arn": by}} | record),
    }


class CloudWithEvents(Cloud):
    """Respond as documented: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html"""

    def answer(self, account, region, service, operation, arguments):
        (attribute,) = arguments["LookupAttributes"]  # "Currently the list can contain only one item"
        assert arguments["MaxResults"] <= 50 and arguments["StartTime"] <= arguments["EndTime"]
        assert attribute["AttributeKey"] == "ReadOnly"
        events = [
            event
            for event in self.listed.get((account, region, operation), ())
            if arguments["StartTime"] <= event["EventTime"] <= arguments["EndTime"]
            and event["ReadOnly"] == attribute["AttributeValue"]
        ]
        events.sort(key=lambda event: event["EventTime"], reverse=True)
        first = int(arguments.get("NextToken", 0))
        page = {"Events": events[first : first + arguments["MaxResults"]]}
        more = first + arguments["MaxResults"] < len(events)
        return page | ({"NextToken": str(first + arguments["MaxResults"])} if more else {})


def trail(cloud, **options):
    """Return a CloudTrail that reads from this cloud, and the list of the pauses that it makes."""
    pauses = []
    history = CloudTrail(
        lambda account: cloud.session(account),
        today=date(2026, 3, 31),
        clock=lambda: sum(pauses),
        sleep=pauses.append,
        **options,
    )
    return history, pauses


def explained(cloud, explanation=EXPLANATION, *, rise=RISE, **options):
    return trail(cloud, **options)[0].with_changes(rise, explanation)


def test_change_has_principal_time_region_and_resource():
    cloud = CloudWithEvents()
    cloud.add("LookupEvents", event(), region="us-west-2")
    result = explained(cloud)
    (change,) = result.changes
    assert (change.event, change.principal, change.at, change.region_id) == (
        "RunInstances",
        DEPLOYER,
        NOON,
        "us-west-2",
    )
    assert change.resources == ("i-0abc",)
    assert result.unseen is None
    assert result.model_copy(update={"changes": ()}) == EXPLANATION


@pytest.mark.parametrize(
    "left_out",
    [
        event("DescribeInstances", read_only=True),
        event("CreateQueue", source="sqs"),
        event(errorCode="Client.UnauthorizedOperation"),
        event(at=MIDNIGHT - timedelta(hours=7)),
        event(at=MIDNIGHT + timedelta(hours=25)),
    ],
    ids=["only read", "of another service", "refused", "long before", "the day after"],
)
def test_events_that_cannot_be_the_cause_are_left_out(left_out):
    """Otherwise they would hide the event that matters."""
    cloud = CloudWithEvents()
    cloud.add("LookupEvents", left_out, event(at=MIDNIGHT - timedelta(hours=5)), region="us-west-2")
    assert [change.at for change in explained(cloud).changes] == [MIDNIGHT - timedelta(hours=5)]


def test_events_of_the_resource_rank_before_newer_ones():
    """Events that create something rank next. The chosen events are shown in chronological order."""
    cloud = CloudWithEvents()
    noise = [event("DeleteTags", at=NOON + timedelta(minutes=n), resource=f"i-{n}") for n in range(40)]
    creating = [event("CreateImage", at=NOON - timedelta(minutes=n), resource=f"ami-{n}") for n in range(20)]
    touched = event("AssociateAddress", at=MIDNIGHT, resource=INSTANCE.rsplit("/")[-1])
    cloud.add("LookupEvents", *noise, *creating, touched, region="us-west-2")
    result = explained(cloud).changes
    assert len(result) == MOST_CHANGES
    assert [change.event for change in result] == ["AssociateAddress", *["CreateImage"] * 9]
    assert [change.at for change in result] == sorted(change.at for change in result)


def test_busy_account_is_read_up_to_the_limit():
    """Six pages of fifty events are read half a second apart: CloudTrail allows two requests per second."""
    cloud = CloudWithEvents()
    cloud.add(
        "LookupEvents", *(event(at=NOON + timedelta(seconds=n)) for n in range(1000)), region="us-west-2"
    )
    history, pauses = trail(cloud)
    result = history.with_changes(RISE, EXPLANATION)
    assert cloud.calls[ACCOUNT, "us-west-2", "LookupEvents"] == MOST_PAGES
    assert pauses == [0.5] * MOST_PAGES
    assert "newest events" in result.unseen and len(result.changes) == MOST_CHANGES


def test_all_increases_of_a_run_share_its_time_limit():
    """Events of later increases are not read, and their explanation says so."""
    cloud = CloudWithEvents()
    cloud.add(
        "LookupEvents", *(event(at=NOON + timedelta(seconds=n)) for n in range(1000)), region="us-west-2"
    )
    history, pauses = trail(cloud, seconds=0.5)
    assert "newest events" in history.with_changes(RISE, EXPLANATION).unseen
    result = history.with_changes(RISE, EXPLANATION)
    assert (
        result.changes == ()
        and result.unseen == "the function reached its time limit before the events could be read"
    )
    assert (cloud.calls[ACCOUNT, "us-west-2", "LookupEvents"], pauses) == (2, [0.5])


def test_increases_in_one_place_on_one_day_share_one_lookup():
    """A stolen key causes a GPU burst, a new region and an anomaly; each names the principal."""
    cloud = CloudWithEvents()
    cloud.add("LookupEvents", event(), region="us-west-2")
    history, _ = trail(cloud)
    first, second = (history.with_changes(RISE, EXPLANATION) for _ in range(2))
    assert first == second and len(second.changes) == 1
    history.with_changes(replace(RISE, first_day=RISEN_ON - timedelta(days=1)), EXPLANATION)
    assert cloud.calls[ACCOUNT, "us-west-2", "LookupEvents"] == 2


def test_refusing_account_is_reported_and_fails_nothing():
    """The explanation has AWS's error message, without the account id."""
    result = explained(CloudWithEvents(refusing=lambda account, region, service: RefusedError()))
    assert result.unseen.startswith("AccessDeniedException: ") and result.changes == ()
    refusing = CloudWithEvents().sessions(refusing=[ACCOUNT])
    result = CloudTrail(refusing, today=date(2026, 3, 31)).with_changes(RISE, EXPLANATION)
    assert result.unseen.startswith("AccessDenied: ")


def test_throttled_request_is_retried(monkeypatch):
    """The shared clients use standard retries, with increasing pauses."""
    pauses = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", pauses.append)
    throttled = (400, {"__type": "ThrottlingException", "message": "Rate exceeded"})
    returned = event() | {"EventTime": NOON.timestamp()}
    responses = [throttled, throttled, (200, {"Events": [returned]})]

    def respond(request, **_):
        status, body = responses.pop(0)
        raw = SimpleNamespace(stream=lambda *_, **__: iter([json.dumps(body).encode()]))
        return AWSResponse(request.url, status, {}, raw)

    cloud = CloudWithEvents(left_out=frozenset({"LookupEvents"}))
    session = cloud.session(ACCOUNT)
    session.clients.core.register("before-send.cloudtrail.LookupEvents", respond)
    result = CloudTrail(lambda _account: session, today=date(2026, 3, 31)).with_changes(RISE, EXPLANATION)
    assert (result.unseen, [change.at for change in result.changes], responses) == (None, [NOON], [])
    assert len(pauses) == 2


def test_unexpected_response_loses_only_the_changes():
    """An event without a time must not fail the run."""
    cloud = CloudWithEvents()
    broken = event()
    cloud.add("LookupEvents", broken, region="us-west-2")
    cloud.answer = lambda *_: {"Events": [{"EventName": "RunInstances", "EventSource": "ec2.amazonaws.com"}]}
    result = explained(cloud)
    assert result.changes == () and result.unseen.startswith("unexpected KeyError")


def test_increase_older_than_the_history_is_not_looked_up():
    cloud = CloudWithEvents()
    history = CloudTrail(lambda account: cloud.session(account), today=RISEN_ON + timedelta(days=90))
    assert "90 days" in history.with_changes(RISE, EXPLANATION).unseen
    assert not cloud.calls


def test_charges_without_region_are_looked_up_in_us_east_1():
    """CloudFront's events are in us-east-1; at most two regions are read."""
    parts = [part(region_id=region) for region in (None, "eu-west-1", "global", "eu-west-2")]
    cloud = CloudWithEvents()
    explained(cloud, explanation(parts=tuple(parts), changes=()))
    assert {region for _, region, _ in cloud.calls} == {"us-east-1", "eu-west-1"}


def test_unknown_event_source_shows_all_events():
    """A service may be new to focuswatch. The ARN of a resource also states the event source."""
    assert event_sources(["Amazon Something New"], [None]) == frozenset()
    assert event_sources(["Amazon Something New"], ["arn:aws:newest:eu-west-1:1:thing/x"]) == {
        "newest.amazonaws.com"
    }
    assert "aoss.amazonaws.com" in event_sources(["Amazon OpenSearch Service"], [])
    assert event_sources(["Amazon Bedrock AgentCore"], []) == {"bedrock-agentcore.amazonaws.com"}
    cloud = CloudWithEvents()
    cloud.add("LookupEvents", event("CreateThing", source="newest"), region="us-west-2")
    result = explained(cloud, explanation(parts=(part(service_name="Newest", resource_id=None),), changes=()))
    assert [change.event for change in result.changes] == ["CreateThing"]


def test_detect_assumes_the_member_role_with_its_external_id(monkeypatch):
    """CloudTrail is called with the credentials of the role."""
    from tests.collect.test_collect_handler import ENVIRONMENT

    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    assumed, cloud = [], CloudWithEvents()
    with mock_aws():
        from lambdas.detect_and_record_findings import _trail
        from lambdas.lambda_run_lease_event_bus_and_heartbeat import LambdaRun

        run = LambdaRun("detect")
        run.session.events.register(
            "provide-client-params.sts.AssumeRole", lambda params, **_: assumed.append(params)
        )
        history = replace(_trail(run), today=date(2026, 3, 31))
        session = history.session_for(ACCOUNT)
        assert assumed[-1]["RoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/focuswatch-member"
        assert assumed[-1]["ExternalId"] == "a-secret-word"
        cloud.keys[session.credentials.access_key] = ACCOUNT
        cloud.attach(session.clients)
        cloud.add("LookupEvents", event(), region="us-west-2")
        history.session_for = lambda _account: session
        assert len(history.with_changes(RISE, EXPLANATION).changes) == 1
