"""The clients, the secrets and the body of a request for functions with a public URL. It imports little: see answer."""

from base64 import b64decode
from binascii import Error as InvalidBase64
from functools import cache
from typing import Any

import boto3

SECRET_SECONDS = 300


@cache
def client(service: str) -> Any:
    """Return the client of a service, which later requests use too."""
    return boto3.client(service)  # type: ignore[call-overload]  # boto3-stubs has an overload for each literal name


def secret_text(name: str, *, now: float) -> str:
    """Return a secret; it is read again every few minutes, in case it was rotated."""
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
