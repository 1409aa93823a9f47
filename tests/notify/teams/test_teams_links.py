"""Links in a Teams message: opening one records nothing, its form acts once, and an altered link is refused."""

import json
import re
from base64 import b64encode
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlencode, urlsplit

import boto3
import pytest
from moto import mock_aws

from focuswatch.ledger import decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.notify.teams.build_response_links_of_finding import LINK_DAYS
from focuswatch.notify.teams.response_form_page import NOT_VALID
from focuswatch.notify.teams.submitted_link_response_as_queue_message import LinkResponse
from focuswatch.owners.owners_file import Owners
from tests.fakes.local_teams import seen
from tests.given.lambda_context import LambdaContext
from tests.given.one_line_findings import finding, run
from tests.given.slack_world import notification
from tests.given.teams_world import SECRET, teams_world

FINDING = finding(team="search")
COMPLETED_FORM = {"name": "Anna Ek", "reason": "Standby of the search service"}


@pytest.fixture
def world():
    with mock_aws(), teams_world() as world:
        record_and_post(world, FINDING)
        yield world


def record_and_post(world, *findings):
    """Store findings in the ledger and post them to Teams."""
    DynamoLedger(world.table).update(
        lambda entries, suppressions: decide(entries, suppressions, run(*findings)), evaluated=()
    )
    world.deliver(*(notification(one) for one in findings))


@pytest.fixture
def endpoint(world, monkeypatch):
    """Yield the function `answer` with the clock of the world; `queued` returns the responses in its queue."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "FOCUSWATCH_TEAMS_SECRET": "focuswatch/teams",
        "POWERTOOLS_SERVICE_NAME": "answer",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("FOCUSWATCH_SLACK_SECRET", raising=False)
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="record")["QueueUrl"]
    monkeypatch.setenv("FOCUSWATCH_ANSWERS", url)
    secret = {"webhooks": {"search": "https://example.com/x"}, "signing_secret": SECRET}
    boto3.client("secretsmanager").create_secret(Name="focuswatch/teams", SecretString=json.dumps(secret))
    from lambdas import (
        answer_endpoint_for_responses_and_page_links,
        public_url_request_body_secrets_and_aws_clients,
    )

    public_url_request_body_secrets_and_aws_clients.client.cache_clear()
    public_url_request_body_secrets_and_aws_clients._secret_text.cache_clear()
    monkeypatch.setattr(
        answer_endpoint_for_responses_and_page_links, "time", SimpleNamespace(time=world.clock)
    )

    def request(method, url, form=None):
        parts = urlsplit(url)
        body = urlencode(form or {}).encode()
        event = {
            "rawPath": parts.path,
            "queryStringParameters": dict(parse_qsl(parts.query, keep_blank_values=True)),
            "requestContext": {"http": {"method": method}},
            "body": b64encode(body).decode(),
            "isBase64Encoded": True,
        }
        return answer_endpoint_for_responses_and_page_links.handler(event, LambdaContext())

    def queued():
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [LinkResponse.from_json(message["Body"]) for message in messages]

    yield SimpleNamespace(request=request, queued=queued)
    public_url_request_body_secrets_and_aws_clients.client.cache_clear()
    public_url_request_body_secrets_and_aws_clients._secret_text.cache_clear()


def links(world, channel="search"):
    """Return the links of the newest message by the text of their button."""
    return {action["title"]: action["url"] for action in world.server.cards(channel)[-1].get("actions", [])}


def altered_url(url, **values):
    parts = urlsplit(url)
    return parts._replace(query=urlencode({**dict(parse_qsl(parts.query)), **values})).geturl()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_a_link_shows_a_form_and_records_nothing(world, endpoint, method):
    """Scanners of mail and chat messages open every link."""
    page = endpoint.request(method, links(world)["Snooze 7 days"])
    assert page["statusCode"] == 200 and endpoint.queued() == []
    assert "Snooze this finding for 7 days?" in page["body"] and "A title: 111122223333" in page["body"]
    assert re.search(r'<form method="post"><label>Your name<input name="name" required', page["body"])


@pytest.mark.parametrize(
    ("button", "outcome"),
    [
        ("Acknowledge", "acknowledged this finding."),
        ("Snooze 7 days", "snoozed this finding until 2026-04-07."),
        ("Snooze 30 days", "snoozed this finding until 2026-04-30."),
        ("Not waste", "marked this finding as not waste: Standby of the search service."),
    ],
)
def test_submitted_form_acts_once_and_the_channel_shows_who_responded(world, endpoint, button, outcome):
    """A person can submit the form twice, and the queue can deliver a response twice."""
    for _ in range(2):
        assert endpoint.request("POST", links(world)[button], COMPLETED_FORM)["statusCode"] == 200
    first, second = endpoint.queued()
    results = [world.recorder().record(response) for response in (first, second, first)]
    assert results[0].endswith(outcome) and results[1:] == [f"{FINDING.fingerprint}: already recorded"] * 2
    ledger = DynamoLedger(world.table)
    if button == "Acknowledge":
        assert ledger.entries()[FINDING.fingerprint].acknowledged_by == "Anna Ek (via Teams link)"
        assert ledger.suppressions() == []
    else:
        (suppression,) = ledger.suppressions()
        assert (suppression.author, suppression.value) == ("Anna Ek (via Teams link)", FINDING.fingerprint)
    assert seen(world.server.cards("search")[-1]) == (
        f"A title ({FINDING.fingerprint}): Anna Ek (via Teams link) {outcome}\n"
    )
    assert len(world.server.cards("search")) == 2


@pytest.mark.parametrize(
    "values",
    [
        {"action": "not_waste"},
        {"action": "delete"},
        {"finding": "f" * 20},
        {"address": "finops"},
        {"about": "Another finding"},
        {"until": "9999999999"},
        {"until": "never"},
        {"until": ""},
        {"sign": ""},
        {"sign": "0" * 64},
        {"sign": "é"},
        {"muting": "Expected"},
        {"until": "9" * 5000},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_altered_or_forged_link_is_refused(world, endpoint, method, values):
    """The signature covers every parameter."""
    response = endpoint.request(method, altered_url(links(world)["Snooze 7 days"], **values), COMPLETED_FORM)
    assert response["statusCode"] == 403 and f"<p>{NOT_VALID}</p>" in response["body"]
    assert endpoint.queued() == []


def test_a_link_expires(world, endpoint):
    """The latest message of an open finding has a valid link."""
    url = links(world)["Acknowledge"]
    world.now += LINK_DAYS * 86_400
    assert endpoint.request("POST", url, COMPLETED_FORM)["statusCode"] == 403
    assert endpoint.request("GET", url)["statusCode"] == 403
    assert endpoint.queued() == []


def test_a_link_without_its_parameters_is_refused(world, endpoint):
    """Knowing the address of the endpoint is not enough."""
    url = links(world)["Acknowledge"].partition("?")[0]
    assert endpoint.request("GET", url)["statusCode"] == 403


def test_without_a_teams_secret_every_link_is_refused(world, endpoint, monkeypatch):
    """Anyone could sign a link with an empty secret."""
    url = links(world)["Acknowledge"]
    monkeypatch.delenv("FOCUSWATCH_TEAMS_SECRET")
    assert endpoint.request("POST", url, COMPLETED_FORM)["statusCode"] == 403


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({}, "Enter your name."),
        ({"name": "  "}, "Enter your name."),
        ({"name": "\u200b\u202e"}, "Enter your name."),
        ({"name": "…"}, "Enter your name."),
        ({"name": "Anna"}, "Enter a reason."),
    ],
)
def test_a_form_without_a_name_or_reason_is_shown_again_with_the_error(world, endpoint, form, message):
    """The function validates the form too, because a request need not come from a browser."""
    response = endpoint.request("POST", links(world)["Not waste"], form)
    assert response["statusCode"] == 400 and f'<p class="error">{message}</p>' in response["body"]
    assert endpoint.queued() == []


def test_hostile_names_are_escaped_in_the_page_and_plain_in_the_channel(world, endpoint):
    """The name of a person and the title of a finding are both untrusted."""
    hostile = finding("h", team="search").model_copy(update={"title": '<script>alert("1")</script>'})
    record_and_post(world, hostile)
    page = endpoint.request("GET", links(world)["Acknowledge"])
    assert "<script" not in page["body"] and "&lt;script&gt;" in page["body"]
    confirmation = endpoint.request(
        "POST", links(world)["Acknowledge"], {"name": "<b>A\u202en\nna</b>" + "x" * 500}
    )
    assert "<b>" not in confirmation["body"] and "\u202e" not in confirmation["body"]
    (response,) = endpoint.queued()
    assert len(response.name) == 80 and "\n" not in response.name
    world.recorder().record(response)
    assert "<b>A\ufffdn na</b>" in seen(world.server.cards("search")[-1])


def test_the_page_allows_neither_scripts_nor_frames_nor_other_sites(world, endpoint):
    """Its URL, which contains a signature, is neither cached nor sent as a referrer."""
    headers = endpoint.request("GET", links(world)["Acknowledge"])["headers"]
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'" and policy["style-src"].startswith("'sha256-")
    assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")


def test_the_style_of_the_page_matches_the_hash_in_its_policy(world, endpoint):
    """Otherwise a browser would ignore the style."""
    import base64
    import hashlib

    page = endpoint.request("GET", links(world)["Acknowledge"])
    style = re.search("<style>(.*)</style>", page["body"])[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in page["headers"]["Content-Security-Policy"]


def test_a_security_finding_accepts_only_its_owners_channel(world, endpoint):
    """After the owner changes, the links in the previous channel still exist."""
    intruder = finding("i", team="search", category="security")
    record_and_post(world, intruder)
    endpoint.request("POST", links(world)["Expected"], COMPLETED_FORM)
    (response,) = endpoint.queued()
    world.owners = Owners.model_validate({"teams": {"search": {"channel": "teams:finops"}}})
    assert (
        world.recorder()
        .record(response)
        .endswith("rejected, because only the owner of the account can respond")
    )
    assert DynamoLedger(world.table).suppressions() == []


def test_an_earlier_link_does_not_mute_a_finding_that_is_now_routed_by_a_tag(world):
    """The current owner decides, not the owner at the time of the link."""
    tagged = finding("t", team="search", category="security").model_copy(update={"owned_by": "resource tag"})
    record_and_post(world, tagged)
    response = LinkResponse("1", "not_waste", tagged.fingerprint, "search", "Anna", "mine")
    assert "rejected" in world.recorder().record(response)
    assert DynamoLedger(world.table).suppressions() == []


def test_a_response_to_a_deleted_finding_is_logged(world):
    response = LinkResponse("1", "acknowledge", "f" * 20, "search", "Anna")
    assert "no longer stores the finding" in world.recorder().record(response)


def test_a_response_is_recorded_if_the_channel_cannot_be_notified(world):
    """The webhook returns an error."""
    world.server.faults.queued = ["down"]
    response = LinkResponse("1", "snooze_7", FINDING.fingerprint, "search", "Anna")
    assert (
        "This action could not be posted in the channel: teams:search: HTTP 503"
        in world.recorder().record(response)
    )
    assert len(DynamoLedger(world.table).suppressions()) == 1
