"""Who changed what on the day of a rise: CloudTrail within its limits; an account that refuses fails nothing."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.awsrequest import AWSResponse
from moto import mock_aws

from focuswatch.collect.cloudtrail_history import MOST_PAGES, CloudTrail
from focuswatch.collect.cloudtrail_sources import event_sources
from focuswatch.findings.explanation import MOST_CHANGES
from tests.given.cloud import Cloud, RefusedError
from tests.given.explanations import ACCOUNT, EXPLANATION, INSTANCE, RISE, RISEN_ON, explanation, part

MIDNIGHT = datetime(2026, 3, 29, tzinfo=UTC)
NOON = MIDNIGHT + timedelta(hours=12)
DEPLOYER = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/deploy"


def event(
    name="RunInstances", *, at=NOON, source="ec2", by=DEPLOYER, resource="i-0abc", read_only=False, **record
):
    """As LookupEvents tells it: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Event.html"""
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


class Trails(Cloud):
    """Answers as https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html says."""

    def answer(self, account, region, service, operation, asked):
        (attribute,) = asked["LookupAttributes"]  # "Currently the list can contain only one item"
        assert asked["MaxResults"] <= 50 and asked["StartTime"] <= asked["EndTime"]
        assert attribute["AttributeKey"] == "ReadOnly"
        found = [
            one
            for one in self.listed.get((account, region, operation), ())
            if asked["StartTime"] <= one["EventTime"] <= asked["EndTime"]
            and one["ReadOnly"] == attribute["AttributeValue"]
        ]
        found.sort(key=lambda one: one["EventTime"], reverse=True)
        first = int(asked.get("NextToken", 0))
        page = {"Events": found[first : first + asked["MaxResults"]]}
        more = first + asked["MaxResults"] < len(found)
        return page | ({"NextToken": str(first + asked["MaxResults"])} if more else {})


def trail(cloud, **changed):
    """CloudTrail of this cloud; what it waits is in `waited`."""
    waited = []
    made = CloudTrail(
        lambda account: cloud.session(account),
        today=date(2026, 3, 31),
        clock=lambda: sum(waited),
        sleep=waited.append,
        **changed,
    )
    return made, waited


def seen(cloud, explained=EXPLANATION, *, rise=RISE, **changed):
    return trail(cloud, **changed)[0].with_changes(rise, explained)


def test_who_started_it_is_named_with_what_and_when():
    """The principal by its ARN, the time, the region, the resource."""
    cloud = Trails()
    cloud.add("LookupEvents", event(), region="us-west-2")
    told = seen(cloud)
    (change,) = told.changes
    assert (change.event, change.principal, change.at, change.region_id) == (
        "RunInstances", DEPLOYER, NOON, "us-west-2",
    )  # fmt: skip
    assert change.resources == ("i-0abc",)
    assert told.unseen is None
    assert told.model_copy(update={"changes": ()}) == EXPLANATION


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
def test_what_made_nothing_here_that_day_is_left_out(left_out):
    """Else the one event that matters drowns."""
    cloud = Trails()
    cloud.add("LookupEvents", left_out, event(at=MIDNIGHT - timedelta(hours=5)), region="us-west-2")
    assert [one.at for one in seen(cloud).changes] == [MIDNIGHT - timedelta(hours=5)]


def test_what_names_the_resource_that_rose_is_told_before_what_is_merely_newer():
    """Then what makes something; all in the order of time."""
    cloud = Trails()
    noise = [event("DeleteTags", at=NOON + timedelta(minutes=n), resource=f"i-{n}") for n in range(40)]
    made = [event("CreateImage", at=NOON - timedelta(minutes=n), resource=f"ami-{n}") for n in range(20)]
    touched = event("AssociateAddress", at=MIDNIGHT, resource=INSTANCE.rsplit("/")[-1])
    cloud.add("LookupEvents", *noise, *made, touched, region="us-west-2")
    told = seen(cloud).changes
    assert len(told) == MOST_CHANGES
    assert [one.event for one in told] == ["AssociateAddress", *["CreateImage"] * 9]
    assert [one.at for one in told] == sorted(one.at for one in told)


def test_a_busy_account_is_read_so_far_and_no_further_and_that_is_said():
    """Six pages of fifty, half a second apart: two requests a second are allowed."""
    cloud = Trails()
    cloud.add(
        "LookupEvents", *(event(at=NOON + timedelta(seconds=n)) for n in range(1000)), region="us-west-2"
    )
    made, waited = trail(cloud)
    told = made.with_changes(RISE, EXPLANATION)
    assert cloud.calls[ACCOUNT, "us-west-2", "LookupEvents"] == MOST_PAGES
    assert waited == [0.5] * MOST_PAGES
    assert "more events" in told.unseen and len(told.changes) == MOST_CHANGES


def test_all_rises_of_a_run_share_its_seconds():
    """What comes after them is not read, and says so."""
    cloud = Trails()
    cloud.add(
        "LookupEvents", *(event(at=NOON + timedelta(seconds=n)) for n in range(1000)), region="us-west-2"
    )
    made, waited = trail(cloud, seconds=0.5)
    assert "more events" in made.with_changes(RISE, EXPLANATION).unseen
    told = made.with_changes(RISE, EXPLANATION)
    assert told.changes == () and told.unseen == "not read: the seconds of this run were over"
    assert (cloud.calls[ACCOUNT, "us-west-2", "LookupEvents"], waited) == (2, [0.5])


def test_rises_of_one_place_and_day_ask_once():
    """A stolen key is a GPU burst, a new region and an anomaly at once; each is told who it was."""
    cloud = Trails()
    cloud.add("LookupEvents", event(), region="us-west-2")
    made, _ = trail(cloud)
    first, second = (made.with_changes(RISE, EXPLANATION) for _ in range(2))
    assert first == second and len(second.changes) == 1
    made.with_changes(replace(RISE, first_day=RISEN_ON - timedelta(days=1)), EXPLANATION)
    assert cloud.calls[ACCOUNT, "us-west-2", "LookupEvents"] == 2


def test_an_account_that_refuses_is_said_and_fails_nothing():
    """In AWS's words, without its id."""
    told = seen(Trails(refusing=lambda account, region, service: RefusedError()))
    assert told.unseen.startswith("AccessDeniedException: ") and told.changes == ()
    refusing = Trails().sessions(refusing=[ACCOUNT])
    told = CloudTrail(refusing, today=date(2026, 3, 31)).with_changes(RISE, EXPLANATION)
    assert told.unseen.startswith("AccessDenied: ")


def test_a_throttled_request_is_tried_again(monkeypatch):
    """By the shared clients' standard retries, which wait longer each time."""
    waited = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", waited.append)
    throttled = (400, {"__type": "ThrottlingException", "message": "Rate exceeded"})
    told_at = event() | {"EventTime": NOON.timestamp()}
    answers = [throttled, throttled, (200, {"Events": [told_at]})]

    def answer(request, **_):
        status, body = answers.pop(0)
        raw = SimpleNamespace(stream=lambda *_, **__: iter([json.dumps(body).encode()]))
        return AWSResponse(request.url, status, {}, raw)

    cloud = Trails(left_out=frozenset({"LookupEvents"}))
    session = cloud.session(ACCOUNT)
    session.clients.core.register("before-send.cloudtrail.LookupEvents", answer)
    told = CloudTrail(lambda _account: session, today=date(2026, 3, 31)).with_changes(RISE, EXPLANATION)
    assert (told.unseen, [one.at for one in told.changes], answers) == (None, [NOON], [])
    assert len(waited) == 2


def test_an_answer_nobody_thought_of_costs_the_changes_alone():
    """An event without a time is no reason to lose the run's findings."""
    cloud = Trails()
    broken = event()
    cloud.add("LookupEvents", broken, region="us-west-2")
    cloud.answer = lambda *_: {"Events": [{"EventName": "RunInstances", "EventSource": "ec2.amazonaws.com"}]}
    told = seen(cloud)
    assert told.changes == () and told.unseen.startswith("unexpected KeyError")


def test_what_is_older_than_the_history_is_not_asked_for():
    """90 days."""
    cloud = Trails()
    made = CloudTrail(lambda account: cloud.session(account), today=RISEN_ON + timedelta(days=90))
    assert "90 days" in made.with_changes(RISE, EXPLANATION).unseen
    assert not cloud.calls


def test_what_has_no_region_is_looked_for_where_such_events_are_kept():
    """CloudFront's events are in us-east-1; at most two regions are asked."""
    everywhere = [part(region_id=region) for region in (None, "eu-west-1", "global", "eu-west-2")]
    cloud = Trails()
    seen(cloud, explanation(parts=tuple(everywhere), changes=()))
    assert {region for _, region, _ in cloud.calls} == {"us-east-1", "eu-west-1"}


def test_where_nobody_knows_the_event_source_all_events_are_told():
    """A service that is new to focuswatch; its resource's ARN would tell too."""
    assert event_sources(["Amazon Something New"], [None]) == frozenset()
    assert event_sources(["Amazon Something New"], ["arn:aws:newest:eu-west-1:1:thing/x"]) == {
        "newest.amazonaws.com"
    }
    assert "aoss.amazonaws.com" in event_sources(["Amazon OpenSearch Service"], [])
    assert event_sources(["Amazon Bedrock AgentCore"], []) == {"bedrock-agentcore.amazonaws.com"}
    cloud = Trails()
    cloud.add("LookupEvents", event("CreateThing", source="newest"), region="us-west-2")
    told = seen(cloud, explanation(parts=(part(service_name="Newest", resource_id=None),), changes=()))
    assert [one.event for one in told.changes] == ["CreateThing"]


def test_detect_asks_accounts_by_the_member_role_and_its_external_id(monkeypatch):
    """The credentials are those that the role gave, and CloudTrail is asked with them."""
    from tests.collect.test_collect_handler import ENVIRONMENT

    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    asked, cloud = [], Trails()
    with mock_aws():
        from lambdas.detect import _trail
        from lambdas.environment import LambdaRun

        run = LambdaRun("detect")
        run.session.events.register(
            "provide-client-params.sts.AssumeRole", lambda params, **_: asked.append(params)
        )
        made = replace(_trail(run), today=date(2026, 3, 31))
        session = made.session_for(ACCOUNT)
        assert asked[-1]["RoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/focuswatch-member"
        assert asked[-1]["ExternalId"] == "a-secret-word"
        cloud.keys[session.credentials.access_key] = ACCOUNT
        cloud.attach(session.clients)
        cloud.add("LookupEvents", event(), region="us-west-2")
        made.session_for = lambda _account: session
        assert len(made.with_changes(RISE, EXPLANATION).changes) == 1
