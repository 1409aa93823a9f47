"""A CI posts operational events to a public URL: only signed requests are stored, and each event counts once."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from focuswatch.collect.parse_ci_event_files import UnreadableFileError
from focuswatch.collect.validate_posted_ci_events import MOST_POSTED_EVENTS, posted_lines
from tests.collect.test_collection_run import BUCKET, aws, new_accounts, run  # noqa: F401  aws is a fixture
from tests.collect.test_events import stored
from tests.given.cloud import TODAY, Cloud
from tests.given.lambda_context import LambdaContext

NOW = datetime.fromisoformat(f"{TODAY}T09:00:00+00:00").timestamp()
KEY = base64.b64encode(b"k" * 32).decode()
OLD = base64.b64encode(b"o" * 32).decode()
EVENT = {
    "occurred_at": f"{TODAY}T08:40:00Z",
    "sub_account_id": "111122223333",
    "service_name": "AWS Lambda",
    "kind": "deployment",
    "reference": "checkout v2",
}


def signed(body: bytes, *, id: str = "run-1", now: float = NOW, key: str = KEY) -> dict[str, str]:
    """Return the headers of a request signed as in docs/events.md: HMAC-SHA256 of `id.timestamp.body`, in Base64."""
    content = f"{id}.{int(now)}.".encode() + body
    signature = base64.b64encode(hmac.new(base64.b64decode(key), content, hashlib.sha256).digest()).decode()
    return {"Webhook-Id": id, "webhook-timestamp": str(int(now)), "webhook-signature": f"v1,{signature}"}


@pytest.fixture
def post(aws, monkeypatch) -> Iterator[Any]:  # noqa: F811
    """Return a function that sends a request to the Lambda `events`, and returns status and message. Time is fixed."""
    secret = {"github": f"whsec_{KEY}", "jenkins": [f"whsec_{KEY}", f"whsec_{OLD}"]}
    boto3.client("secretsmanager").create_secret(Name="focuswatch/events", SecretString=json.dumps(secret))
    for name, value in {
        "FOCUSWATCH_EVENTS_SECRET": "focuswatch/events",
        "FOCUSWATCH_BUCKET": BUCKET,
        "POWERTOOLS_SERVICE_NAME": "events",
    }.items():
        monkeypatch.setenv(name, value)
    from lambdas import events_endpoint_for_ci_systems, public_url_request_body_secrets_and_aws_clients

    monkeypatch.setattr(events_endpoint_for_ci_systems, "time", SimpleNamespace(time=lambda: NOW))

    def request(body: Any, headers: dict[str, str] | None = None, *, encoded: bool = False):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = events_endpoint_for_ci_systems.handler(
            {
                "headers": signed(content) if headers is None else headers,
                "body": base64.b64encode(content).decode() if encoded else content.decode(),
                "isBase64Encoded": encoded,
            },
            LambdaContext(),
        )
        return response["statusCode"], json.loads(response["body"])["message"]

    for cached in (
        public_url_request_body_secrets_and_aws_clients.client,
        public_url_request_body_secrets_and_aws_clients._secret_text,
    ):
        cached.cache_clear()
    yield request
    for cached in (
        public_url_request_body_secrets_and_aws_clients.client,
        public_url_request_body_secrets_and_aws_clients._secret_text,
    ):
        cached.cache_clear()


def event_keys() -> list[str]:
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="events/").get("Contents", ())
    return [one["Key"] for one in listed]


@pytest.mark.parametrize("encoded", [False, True])
def test_signed_events_become_rows_of_their_days(aws, post, encoded):  # noqa: F811
    """Neither a repeated request nor a second run of the collector adds an event twice."""
    earlier = EVENT | {"occurred_at": f"{TODAY - timedelta(days=2)}T23:00:00+02:00", "unknown": "dropped"}
    for _ in range(2):
        assert post([EVENT, earlier], encoded=encoded) == (200, "stored 2 events")
    (key,) = event_keys()
    assert key.startswith(f"events/webhook/{TODAY}/") and key.endswith(".jsonl")
    new_accounts(aws, 1)
    for added in (2, 0):
        assert run(aws, Cloud(), events=["files", "webhook"]).events == added
    rows = {
        name: [row["reference"] for row in file_rows] for name, file_rows in stored().items() if file_rows
    }
    assert rows == {
        f"{TODAY}.parquet": ["checkout v2"],
        f"{TODAY - timedelta(days=2)}.parquet": ["checkout v2"],
    }
    (row,) = stored()[f"{TODAY}.parquet"]
    assert row["occurred_at"] == datetime.fromisoformat(f"{TODAY}T08:40:00")


def test_signature_with_each_configured_secret_is_accepted(post):
    """During a rotation, a sender has two secrets."""
    body = json.dumps(EVENT).encode()
    for key in (KEY, OLD):
        assert post(body, signed(body, id=key, key=key))[0] == 200
    assert len(event_keys()) == 2


def test_request_without_a_valid_signature_is_rejected_and_not_stored(post):
    """The body is altered, the secret unknown, the timestamp old, in the future or invalid, or a header is missing."""
    body = json.dumps(EVENT).encode()
    valid = signed(body)
    unknown_key = base64.b64encode(b"x" * 32).decode()
    for headers in (
        {},
        signed(body, key=unknown_key),
        signed(body, now=NOW - 301),
        signed(body, now=NOW + 301),
        signed(body + b" "),
        valid | {"Webhook-Id": "another"},
        valid | {"webhook-timestamp": "9" * 400},
        valid | {"webhook-timestamp": "²"},
        valid | {"webhook-signature": ""},
        valid | {"webhook-signature": "v1,é"},
    ):
        assert post(body, headers)[0] == 401, headers
    assert event_keys() == []


def test_no_request_is_accepted_if_the_configured_secret_is_invalid(post):
    boto3.client("secretsmanager").put_secret_value(
        SecretId="focuswatch/events", SecretString='{"ci": "short"}'
    )
    assert post(EVENT)[0] == 401


def test_a_large_request_is_rejected_before_its_signature_is_checked(post):
    body = json.dumps([EVENT] * 1_000).encode()
    assert post(body, {}) == (413, "expected at most 64,000 bytes; send fewer events")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "0 events, expected 1 to 100"),
        (b"[]", "0 events, expected 1 to 100"),
        (b"[1]", "expected JSON objects with the keys occurred_at, sub_account_id and kind"),
        (b"{", "line 1: not JSON; send one JSON object, or one object per line"),
        (b"\xff", "not UTF-8 text; send UTF-8"),
        (json.dumps(EVENT | {"kind": ""}).encode(), "line 1: lacks kind"),
        (
            json.dumps(EVENT | {"occurred_at": "today"}).encode(),
            "line 1: occurred_at is 'today', expected a time",
        ),
        (
            json.dumps(EVENT | {"occurred_at": "0001-01-01T00:00:00+14:00"}).encode(),
            "line 1: occurred_at is '0001-01-01T00:00:00+14:00', expected a time",
        ),
        (
            b'{"kind": "\\ud83d", "occurred_at": "2026-06-04", "sub_account_id": "1"}',
            "line 1: contains an incomplete Unicode character",
        ),
        (json.dumps([EVENT] * (MOST_POSTED_EVENTS + 1)).encode(), "101 events, expected 1 to 100"),
        (json.dumps(EVENT | {"reference": "x" * 1_001}).encode(), "reference: more than 1,000 characters"),
        (json.dumps([EVENT] * 1_000).encode(), "bytes; expected at most 64,000. Send fewer events"),
    ],
)
def test_error_for_an_invalid_body_says_what_to_change(body, message):
    with pytest.raises(UnreadableFileError) as caught:
        posted_lines(body)
    assert message in str(caught.value)


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\n\n"])
def test_json_lines_are_accepted_as_events(separator):
    body = separator.join([json.dumps(EVENT), json.dumps(EVENT | {"kind": "alarm"})]).encode()
    assert [json.loads(line)["kind"] for line in posted_lines(body).splitlines()] == ["deployment", "alarm"]


def test_response_to_an_invalid_body_contains_the_error(post):
    assert post(EVENT | {"kind": ""}) == (400, "line 1: lacks kind")
    assert event_keys() == []
