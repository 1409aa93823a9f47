"""The links of a message in Teams: opening one does nothing, the page acts once, and an altered one is refused."""

import json
import re
from base64 import b64encode
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlencode, urlsplit

import boto3
import pytest

from focuswatch.ledger import decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.notify.teams.response_form_page import NOT_VALID
from focuswatch.notify.teams.signed_action import LINK_DAYS, LinkResponse
from focuswatch.owners.owners_file_and_assignment import Owners
from tests.fakes.local_teams import seen
from tests.given.one_line_findings import finding, run
from tests.given.slack_world import notification
from tests.given.teams_world import SECRET, teams_world

FINDING = finding(team="search")
NAMED = {"name": "Anna Ek", "reason": "Standby of the search service"}


@pytest.fixture
def world():
    with teams_world() as world:
        note(world, FINDING)
        yield world


def note(world, *found):
    """Have the ledger know findings, and Teams show them."""
    DynamoLedger(world.table).update(
        lambda entries, silences: decide(entries, silences, run(*found)), evaluated=()
    )
    world.deliver(*(notification(one) for one in found))


@pytest.fixture
def answer(world, monkeypatch):
    """The function `answer`, its clock that of the world; the queue is `answer.queued`."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
        "FOCUSWATCH_TEAMS_SECRET": "focuswatch/teams", "POWERTOOLS_SERVICE_NAME": "answer",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("FOCUSWATCH_SLACK_SECRET", raising=False)
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="record")["QueueUrl"]
    monkeypatch.setenv("FOCUSWATCH_ANSWERS", url)
    told = {"webhooks": {"search": "https://example.com/x"}, "signing_secret": SECRET}
    boto3.client("secretsmanager").create_secret(Name="focuswatch/teams", SecretString=json.dumps(told))
    from lambdas import answer_buttons_and_links, endpoint_clients_and_secrets

    endpoint_clients_and_secrets.client.cache_clear()
    endpoint_clients_and_secrets._secret_text.cache_clear()
    monkeypatch.setattr(answer_buttons_and_links, "time", SimpleNamespace(time=world.clock))

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
        context = SimpleNamespace(
            function_name="answer", memory_limit_in_mb=1, invoked_function_arn="arn", aws_request_id="1"
        )
        return answer_buttons_and_links.handler(event, context)

    def queued():
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [LinkResponse.from_json(message["Body"]) for message in messages]

    yield SimpleNamespace(request=request, queued=queued)
    endpoint_clients_and_secrets.client.cache_clear()
    endpoint_clients_and_secrets._secret_text.cache_clear()


def links(world, channel="search"):
    """The links of the newest message, by the text of the button."""
    return {action["title"]: action["url"] for action in world.server.cards(channel)[-1].get("actions", [])}


def changed(url, **values):
    parts = urlsplit(url)
    return parts._replace(query=urlencode({**dict(parse_qsl(parts.query)), **values})).geturl()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_a_link_records_nothing_and_asks(world, answer, method):
    """Scanners of mail and chat open every link."""
    opened = answer.request(method, links(world)["Snooze 7 days"])
    assert opened["statusCode"] == 200 and answer.queued() == []
    assert "Snooze this finding for 7 days?" in opened["body"] and "A title: 111122223333" in opened["body"]
    assert re.search(r'<form method="post"><label>Your name<input name="name" required', opened["body"])


@pytest.mark.parametrize(
    ("button", "recorded"),
    [
        ("Acknowledge", "acknowledged this finding."),
        ("Snooze 7 days", "snoozed this finding until 2026-04-07."),
        ("Snooze 30 days", "snoozed this finding until 2026-04-30."),
        ("Not waste", "marked this finding as not waste: Standby of the search service."),
    ],
)
def test_sending_the_page_acts_once_and_shows_who_did_in_the_channel(world, answer, button, recorded):
    """However often it is sent, and however often the queue brings it."""
    for _ in range(2):
        assert answer.request("POST", links(world)[button], NAMED)["statusCode"] == 200
    first, again = answer.queued()
    said = [world.recorder().record(response) for response in (first, again, first)]
    assert said[0].endswith(recorded) and said[1:] == [f"{FINDING.fingerprint}: already recorded"] * 2
    ledger = DynamoLedger(world.table)
    if button == "Acknowledge":
        assert ledger.entries()[FINDING.fingerprint].acknowledged_by == "Anna Ek (via Teams link)"
        assert ledger.suppressions() == []
    else:
        (suppression,) = ledger.suppressions()
        assert (suppression.author, suppression.value) == ("Anna Ek (via Teams link)", FINDING.fingerprint)
    assert seen(world.server.cards("search")[-1]) == (
        f"A title ({FINDING.fingerprint}): Anna Ek (via Teams link) {recorded}\n"
    )
    assert len(world.server.cards("search")) == 2


@pytest.mark.parametrize(
    "values",
    [
        {"action": "not_waste"}, {"action": "delete"}, {"finding": "f" * 20}, {"address": "finops"},
        {"about": "Another finding"}, {"until": "9999999999"}, {"until": "never"}, {"until": ""}, {"sign": ""},
        {"sign": "0" * 64}, {"sign": "é"}, {"muting": "Expected"}, {"until": "9" * 5000},
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_altered_or_forged_link_is_refused_in_one_sentence(world, answer, method, values):
    """Whatever was changed on its way."""
    refused = answer.request(method, changed(links(world)["Snooze 7 days"], **values), NAMED)
    assert refused["statusCode"] == 403 and f"<p>{NOT_VALID}</p>" in refused["body"]
    assert answer.queued() == []


def test_a_link_expires(world, answer):
    """Then the latest message has another one."""
    url = links(world)["Acknowledge"]
    world.now += LINK_DAYS * 86_400
    assert answer.request("POST", url, NAMED)["statusCode"] == 403
    assert answer.request("GET", url)["statusCode"] == 403
    assert answer.queued() == []


def test_a_link_without_its_parameters_is_refused(world, answer):
    """Somebody guesses the address."""
    url = links(world)["Acknowledge"].partition("?")[0]
    assert answer.request("GET", url)["statusCode"] == 403


def test_without_a_teams_secret_every_link_is_refused(world, answer, monkeypatch):
    """An empty secret would sign anything."""
    url = links(world)["Acknowledge"]
    monkeypatch.delenv("FOCUSWATCH_TEAMS_SECRET")
    assert answer.request("POST", url, NAMED)["statusCode"] == 403


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({}, "Enter your name."), ({"name": "  "}, "Enter your name."), ({"name": "\u200b\u202e"}, "Enter your name."),
        ({"name": "…"}, "Enter your name."), ({"name": "Anna"}, "Enter a reason."),
    ],
)  # fmt: skip
def test_a_page_without_a_name_or_reason_is_asked_for_again(world, answer, form, sentence):
    """Whatever a browser let through."""
    refused = answer.request("POST", links(world)["Not waste"], form)
    assert refused["statusCode"] == 400 and f'<p class="error">{sentence}</p>' in refused["body"]
    assert answer.queued() == []


def test_hostile_names_are_escaped_in_the_page_and_plain_in_the_channel(world, answer):
    """The name of a person, and the title of a finding."""
    hostile = finding("h", team="search").model_copy(update={"title": '<script>alert("1")</script>'})
    note(world, hostile)
    opened = answer.request("GET", links(world)["Acknowledge"])
    assert "<script" not in opened["body"] and "&lt;script&gt;" in opened["body"]
    done = answer.request("POST", links(world)["Acknowledge"], {"name": "<b>A\u202en\nna</b>" + "x" * 500})
    assert "<b>" not in done["body"] and "\u202e" not in done["body"]
    (response,) = answer.queued()
    assert len(response.name) == 80 and "\n" not in response.name
    world.recorder().record(response)
    assert "<b>A\ufffdn na</b>" in seen(world.server.cards("search")[-1])


def test_the_page_allows_neither_scripts_nor_frames_nor_other_sites(world, answer):
    """And leaves its address nowhere."""
    headers = answer.request("GET", links(world)["Acknowledge"])["headers"]
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'" and policy["style-src"].startswith("'sha256-")
    assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")


def test_the_style_of_the_page_is_the_one_that_its_policy_allows(world, answer):
    """Else a browser would drop it."""
    import base64
    import hashlib

    opened = answer.request("GET", links(world)["Acknowledge"])
    style = re.search("<style>(.*)</style>", opened["body"])[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in opened["headers"]["Content-Security-Policy"]


def test_a_security_finding_accepts_only_its_owners_channel(world, answer):
    """Links of a message elsewhere stay about after the owner is known."""
    intruder = finding("i", team="search", category="security")
    note(world, intruder)
    answer.request("POST", links(world)["Expected"], NAMED)
    (response,) = answer.queued()
    world.owners = Owners.model_validate({"teams": {"search": {"channel": "teams:finops"}}})
    assert (
        world.recorder()
        .record(response)
        .endswith("rejected, because only the owner of the account can respond")
    )
    assert DynamoLedger(world.table).suppressions() == []


def test_a_finding_that_a_tag_routes_now_is_not_muted_by_an_earlier_link(world):
    """`suppressible_by_team` is that of today."""
    tagged = finding("t", team="search", category="security").model_copy(update={"owned_by": "resource tag"})
    note(world, tagged)
    response = LinkResponse("1", "not_waste", tagged.fingerprint, "search", "Anna", "mine")
    assert "rejected" in world.recorder().record(response)
    assert DynamoLedger(world.table).suppressions() == []


def test_a_response_to_a_finding_that_is_gone_is_noted(world):
    """In the log."""
    response = LinkResponse("1", "acknowledge", "f" * 20, "search", "Anna")
    assert "no longer stores the finding" in world.recorder().record(response)


def test_a_response_is_valid_where_the_channel_cannot_be_told(world):
    """The webhook fails."""
    world.server.faults.queued = ["down"]
    response = LinkResponse("1", "snooze_7", FINDING.fingerprint, "search", "Anna")
    assert (
        "This action could not be posted in the channel: teams:search: HTTP 503"
        in world.recorder().record(response)
    )
    assert len(DynamoLedger(world.table).suppressions()) == 1
