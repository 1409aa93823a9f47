"""A digest's link to the page: whoever has it may open the page for some days, and nobody else anything."""

import json
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from moto import mock_aws

from focuswatch.reports.page.signed_link import (
    DAY_SECONDS,
    KEY,
    LINK_DAYS,
    OPEN_SECONDS,
    opens,
    page_link,
)
from focuswatch.reports.weekly_slack_message import render_weekly_message
from tests.fakes.slack_rules import blocks_problems
from tests.reports.test_weekly_summary import row, week_of

DOOR, SECRET, NOW = (
    "https://abc.lambda-url.eu-west-1.on.aws/",
    "a secret of sixteen and more",
    1_780_000_000.5,
)
BUCKET = "focuswatch-123456789012-eu-west-1"
CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r"
)


def query_of(link):
    return {name: value for name, (value,) in parse_qs(urlsplit(link).query).items()}


def test_a_link_opens_until_its_day():
    """And not a second longer."""
    query = query_of(page_link(DOOR, secret=SECRET, now=NOW))
    until = int(NOW) + LINK_DAYS * DAY_SECONDS
    assert opens(query, secret=SECRET, now=NOW)
    assert opens(query, secret=SECRET, now=until - 1)
    assert not opens(query, secret=SECRET, now=until)


def test_a_link_outlives_the_week_until_the_next_digest():
    """Else Monday's link would be dead before Monday's digest is read."""
    assert LINK_DAYS > 7


@pytest.mark.parametrize(
    "changed",
    [
        {"until": "9999999999"}, {"until": ""}, {"until": "never"}, {"until": "1e99"}, {"until": "²"}, {"sign": ""},
        {"sign": "0" * 64}, {"sign": "é"}, {"until": "9" * 5000},
    ],
)  # fmt: skip
def test_what_was_changed_on_its_way_opens_nothing(changed):
    """Nor breaks anything, whatever stands there."""
    query = query_of(page_link(DOOR, secret=SECRET, now=NOW))
    assert not opens(query | changed, secret=SECRET, now=NOW)
    assert not opens({name: query[name] for name in query.keys() - changed.keys()}, secret=SECRET, now=NOW)


def test_another_secret_makes_other_links():
    """One that was rotated ends those that are about."""
    query = query_of(page_link(DOOR, secret=SECRET, now=NOW))
    assert not opens(query, secret=SECRET + "!", now=NOW)


@pytest.fixture
def answer(monkeypatch):
    """The function that answers, with Slack's secret; what it says to a GET with this query."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "of a role",
        "AWS_DEFAULT_REGION": "eu-west-1", "FOCUSWATCH_BUCKET": BUCKET, "FOCUSWATCH_SLACK_SECRET": "focuswatch/slack",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        from lambdas import answer

        answer._client.cache_clear()
        answer._secret.cache_clear()
        monkeypatch.setattr(answer.time, "time", lambda: NOW)

        def asked(query, *, secret=None):
            secret_value = {"token": "xoxb-1", "signing_secret": SECRET} if secret is None else secret
            manager = boto3.client("secretsmanager")
            manager.create_secret(Name="focuswatch/slack", SecretString=json.dumps(secret_value))
            event = {"requestContext": {"http": {"method": "GET"}}, "queryStringParameters": query}
            return answer.handler(event, CONTEXT)

        yield asked
        answer._client.cache_clear()
        answer._secret.cache_clear()


def test_opened_it_leads_to_the_page_for_some_minutes(answer):
    """To that object of that bucket, at its own region, by an address that nobody keeps."""
    response = answer(query_of(page_link(DOOR, secret=SECRET, now=NOW)))
    address = urlsplit(response["headers"]["Location"])
    assert response["statusCode"] == 302
    assert (address.hostname, address.path) == (f"{BUCKET}.s3.eu-west-1.amazonaws.com", f"/{KEY}")
    assert query_of(response["headers"]["Location"])["X-Amz-Expires"] == str(OPEN_SECONDS)
    assert response["headers"]["Cache-Control"] == "no-store"


@pytest.mark.parametrize("query", [None, {}, {"until": "9999999999", "sign": "0" * 64}])
def test_without_a_good_link_nothing_is_opened(answer, query):
    """A sentence says what to do, and no address of the bucket is in it."""
    response = answer(query)
    assert response["statusCode"] == 403
    assert "weekly digest" in response["body"]
    assert BUCKET not in json.dumps(response)


def test_webhooks_alone_have_no_secret_and_open_nothing(answer):
    """An empty one would sign for everybody."""
    query = query_of(page_link(DOOR, secret="", now=NOW))
    assert answer(query, secret={"webhooks": {}})["statusCode"] == 403


def test_the_digest_says_for_how_long_its_link_is_good():
    """In one line below the others; without a page there is none."""
    link = page_link(DOOR, secret=SECRET, now=NOW)
    message, without = (
        render_weekly_message(week_of([row()]), page=link),
        render_weekly_message(week_of([row()])),
    )
    assert blocks_problems(message["blocks"]) == []
    assert json.dumps(message).count(link) == 1
    assert f"for {LINK_DAYS} days" in json.dumps(message)
    assert "days)" not in json.dumps(without["blocks"][:2])
    assert len(message["blocks"]) == len(without["blocks"])
