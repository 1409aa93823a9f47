"""The digest's signed link to the page works for LINK_DAYS days and cannot be forged."""

import json
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from moto import mock_aws

from focuswatch.reports.page.sign_and_verify_page_link import (
    DAY_SECONDS,
    KEY,
    LINK_DAYS,
    OPEN_SECONDS,
    is_valid_link,
    page_link,
)
from focuswatch.reports.weekly_slack_message import render_weekly_message
from tests.fakes.slack_rules import blocks_problems
from tests.given.lambda_context import LambdaContext
from tests.reports.test_weekly_digest import row, week_of

ENDPOINT_URL, SECRET, NOW = (
    "https://abc.lambda-url.eu-west-1.on.aws/",
    "a secret of sixteen and more",
    1_780_000_000.5,
)
BUCKET = "focuswatch-123456789012-eu-west-1"


def query_of(link):
    return {name: value for name, (value,) in parse_qs(urlsplit(link).query).items()}


def test_link_expires_on_its_day():
    query = query_of(page_link(ENDPOINT_URL, secret=SECRET, now=NOW))
    until = int(NOW) + LINK_DAYS * DAY_SECONDS
    assert is_valid_link(query, secret=SECRET, now=NOW)
    assert is_valid_link(query, secret=SECRET, now=until - 1)
    assert not is_valid_link(query, secret=SECRET, now=until)


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
    """Malformed values are rejected without an exception."""
    query = query_of(page_link(ENDPOINT_URL, secret=SECRET, now=NOW))
    assert not is_valid_link(query | changed, secret=SECRET, now=NOW)
    assert not is_valid_link(
        {name: query[name] for name in query.keys() - changed.keys()}, secret=SECRET, now=NOW
    )


def test_rotated_secret_invalidates_links():
    query = query_of(page_link(ENDPOINT_URL, secret=SECRET, now=NOW))
    assert not is_valid_link(query, secret=SECRET + "!", now=NOW)


@pytest.fixture
def get_page(monkeypatch):
    """Return a function that sends a GET request with a query to the endpoint's handler and returns the response."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "of a role",
        "AWS_DEFAULT_REGION": "eu-west-1", "FOCUSWATCH_BUCKET": BUCKET, "FOCUSWATCH_SLACK_SECRET": "focuswatch/slack",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        from lambdas import (
            answer_endpoint_for_responses_and_page_links,
            public_url_request_body_secrets_and_aws_clients,
        )

        public_url_request_body_secrets_and_aws_clients.client.cache_clear()
        public_url_request_body_secrets_and_aws_clients._secret_text.cache_clear()
        monkeypatch.setattr(answer_endpoint_for_responses_and_page_links.time, "time", lambda: NOW)

        def get(query, *, secret=None):
            secret_value = {"token": "xoxb-1", "signing_secret": SECRET} if secret is None else secret
            manager = boto3.client("secretsmanager")
            manager.create_secret(Name="focuswatch/slack", SecretString=json.dumps(secret_value))
            event = {"requestContext": {"http": {"method": "GET"}}, "queryStringParameters": query}
            return answer_endpoint_for_responses_and_page_links.handler(event, LambdaContext())

        yield get
        public_url_request_body_secrets_and_aws_clients.client.cache_clear()
        public_url_request_body_secrets_and_aws_clients._secret_text.cache_clear()


def test_valid_link_redirects_to_a_presigned_url(get_page):
    """The URL names the object in its bucket and region and expires after five minutes."""
    response = get_page(query_of(page_link(ENDPOINT_URL, secret=SECRET, now=NOW)))
    address = urlsplit(response["headers"]["Location"])
    assert response["statusCode"] == 302
    assert (address.hostname, address.path) == (f"{BUCKET}.s3.eu-west-1.amazonaws.com", f"/{KEY}")
    assert query_of(response["headers"]["Location"])["X-Amz-Expires"] == str(OPEN_SECONDS)
    assert response["headers"]["Cache-Control"] == "no-store"


@pytest.mark.parametrize("query", [None, {}, {"until": "9999999999", "sign": "0" * 64}])
def test_invalid_link_gets_an_explanation(get_page, query):
    """The response says where to find a valid link and does not reveal the bucket."""
    response = get_page(query)
    assert response["statusCode"] == 403
    assert "weekly digest" in response["body"]
    assert BUCKET not in json.dumps(response)


def test_secret_with_only_webhooks_signs_no_links(get_page):
    """With an empty secret, anyone could sign a link."""
    query = query_of(page_link(ENDPOINT_URL, secret="", now=NOW))
    assert get_page(query, secret={"webhooks": {}})["statusCode"] == 403


def test_digest_states_when_its_link_expires():
    """The expiry is in the last line; without a page, the digest does not have that line."""
    link = page_link(ENDPOINT_URL, secret=SECRET, now=NOW)
    message, without = (
        render_weekly_message(week_of([row()]), page=link),
        render_weekly_message(week_of([row()])),
    )
    assert blocks_problems(message["blocks"]) == []
    assert json.dumps(message).count(link) == 1
    assert f"for {LINK_DAYS} days" in json.dumps(message)
    assert "days)" not in json.dumps(without["blocks"][:2])
    assert len(message["blocks"]) == len(without["blocks"])
