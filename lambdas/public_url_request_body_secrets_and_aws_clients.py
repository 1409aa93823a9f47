"""AWS clients, secrets and the decoding of request bodies for functions with a public URL.

This module imports little, to keep cold starts short; see lambdas/answer_endpoint_for_responses_and_page_links.py.
"""

from base64 import b64decode
from binascii import Error as InvalidBase64
from functools import cache
from typing import Any

import boto3

SECRET_SECONDS = 300


@cache
def client(service: str) -> Any:
    """Return the client of an AWS service, which is kept for later requests."""
    return boto3.client(service)  # type: ignore[call-overload]  # boto3-stubs has an overload for each literal name


def secret_text(name: str, *, now: float) -> str:
    """Return a secret, which is read again after at most SECRET_SECONDS, in case it was rotated."""
    return _secret_text(name, int(now) // SECRET_SECONDS)


@cache
def _secret_text(name: str, _period: int) -> str:
    text: str = client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    return text


def request_body(event: dict[str, Any]) -> bytes:
    """Return the body of a request to a function URL; empty if it is not valid Base64."""
    body: str = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return body.encode()
    try:
        return b64decode(body)
    except InvalidBase64:
        return b""
