"""The digest's link to the page works for some days, and only for those who have it."""

import json
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from moto import mock_aws

from focuswatch.reports.page.signed_page_link import (
    DAY_SECONDS,
    KEY,
    LINK_DAYS,
    OPEN_SECONDS,
    opens,
    page_link,
)
from focuswatch.reports.weekly_slack_message import render_weekly_message
from tests.fakes.slack_rules import blocks_problems
from tests.reports.test_weekly_digest import row, week_of

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


def test_link_expires_on_its_day():
    query = query_of(page_link(DOOR, secret=SECRET, now=NOW))
    until = int(NOW) + LINK_DAYS * DAY_SECONDS
    assert opens(query, secret=SECRET, now=NOW)
    assert opens(query, secret=SECRET, now=until - 1)
    assert not opens(query, secret=SECRET, now=until)


def test_link_is_valid_until_after_the_next_digest():
    """Otherwise the link would expire before the next digest is read."""
    assert LINK_DAYS > 7


@pytest.mark.parametrize(
    "changed",
    [
        {"until": "9999999999"}, {"until": ""}, {"until": "never"}, {"until": "1e99"}, {"until": "²"}, {"sign": ""},
        {"sign": "0" * 64}, {"sign": "é"}, {"until": "9" * 5000},
    ],
)  # fmt: skip
def test_modified_link_is_rejected(changed):
    """Any content is rejected without an exception."""
    query = query_of(page_link(DOOR, secret=SECRET, now=NOW))
    assert not opens(query | changed, secret=SECRET, now=NOW)
    assert not opens({name: query[name] for name in query.keys() - changed.keys()}, secret=SECRET, now=NOW)


def test_rotated_secret_invalidates_links():
    query = query_of(page_link(DOOR, secret=SECRET, now=NOW))
    assert not opens(query, secret=SECRET + "!", now=NOW)


@pytest.fixture
def answer(monkeypatch):
    """Return the response of the function `answer`, with a Slack secret, to a GET request with this query."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "of a role",
        "AWS_DEFAULT_REGION": "eu-west-1", "FOCUSWATCH_BUCKET": BUCKET, "FOCUSWATCH_SLACK_SECRET": "focuswatch/slack",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        from lambdas import answer_buttons_and_links, endpoint_clients_and_secrets

        endpoint_clients_and_secrets.client.cache_clear()
        endpoint_clients_and_secrets._secret_text.cache_clear()
        monkeypatch.setattr(answer_buttons_and_links.time, "time", lambda: NOW)

        def asked(query, *, secret=None):
            secret_value = {"token": "xoxb-1", "signing_secret": SECRET} if secret is None else secret
            manager = boto3.client("secretsmanager")
            manager.create_secret(Name="focuswatch/slack", SecretString=json.dumps(secret_value))
            event = {"requestContext": {"http": {"method": "GET"}}, "queryStringParameters": query}
            return answer_buttons_and_links.handler(event, CONTEXT)

        yield asked
        endpoint_clients_and_secrets.client.cache_clear()
        endpoint_clients_and_secrets._secret_text.cache_clear()


def test_valid_link_redirects_to_a_presigned_url(answer):
    """To the object in its bucket and region, for five minutes."""
    response = answer(query_of(page_link(DOOR, secret=SECRET, now=NOW)))
    address = urlsplit(response["headers"]["Location"])
    assert response["statusCode"] == 302
    assert (address.hostname, address.path) == (f"{BUCKET}.s3.eu-west-1.amazonaws.com", f"/{KEY}")
    assert query_of(response["headers"]["Location"])["X-Amz-Expires"] == str(OPEN_SECONDS)
    assert response["headers"]["Cache-Control"] == "no-store"


@pytest.mark.parametrize("query", [None, {}, {"until": "9999999999", "sign": "0" * 64}])
def test_invalid_link_gets_an_explanation(answer, query):
    """The response states the remedy and contains no address of the bucket."""
    response = answer(query)
    assert response["statusCode"] == 403
    assert "weekly digest" in response["body"]
    assert BUCKET not in json.dumps(response)


def test_secret_with_only_webhooks_signs_no_links(answer):
    """With an empty secret, anyone could sign a link."""
    query = query_of(page_link(DOOR, secret="", now=NOW))
    assert answer(query, secret={"webhooks": {}})["statusCode"] == 403


def test_digest_states_when_its_link_expires():
    """In one line at the end; without a page, there is no line."""
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
