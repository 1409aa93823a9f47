"""Signatures of the Standard Webhooks specification: HMAC-SHA256 over id, timestamp and body.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, RootModel, ValidationError

from focuswatch.errors import Refused

PREFIX = "whsec_"
TOLERANCE_SECONDS, MOST_DIGITS = 300, 12
LEAST_BYTES, MOST_BYTES = 24, 64  # of a key, by the specification
SHAPE = '{"HOST OR TEAM": "whsec_…"} or {"HOST OR TEAM": ["whsec_NEW", "whsec_OLD"]}'


def signing_key(secret: str) -> bytes:
    """Return the key in `whsec_…`. Raises ValueError, without showing the secret."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(PREFIX) or not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError(f"expected {PREFIX} followed by {LEAST_BYTES} to {MOST_BYTES} bytes in Base64")
    return key


def _checked(secret: str) -> str:
    signing_key(secret)
    return secret


SigningSecret = Annotated[str, AfterValidator(_checked)]


class WebhookSecrets(RootModel[dict[str, SigningSecret | list[SigningSecret]]]):
    """The webhook secret: signing secrets by host of the URL or by team. During a rotation, an entry has two."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    def __repr__(self) -> str:
        """Return the names only."""
        return f"WebhookSecrets({', '.join(self.root)})"

    __str__ = __repr__

    @classmethod
    def read(cls, value: str) -> Self:
        """Read the secret. Raises Refused if its format is wrong, without showing its value."""
        try:
            return cls.model_validate_json(value)
        except ValidationError:
            raise Refused(
                f"The webhook secret does not have the format {SHAPE}, "
                f"with {LEAST_BYTES} to {MOST_BYTES} random bytes in Base64 after {PREFIX}. "
                "Correct the secret, then run focuswatch doctor."
            ) from None

    @property
    def all(self) -> tuple[str, ...]:
        """The secrets of all names."""
        return tuple(
            secret
            for found in self.root.values()
            for secret in ([found] if isinstance(found, str) else found)
        )

    def of(self, *names: str) -> Sequence[str]:
        """Return the secrets of the first name that has any. Raises Refused if none has."""
        for name in names:
            if found := self.root.get(name):
                return [found] if isinstance(found, str) else found
        raise Refused(
            f"The webhook secret has no signing secret for {' or '.join(names)}. "
            'Add {"' + names[0] + '": "whsec_…"} to the secret.'
        )


class SignedRequest(BaseModel):
    """The signed content: the body of a request, the id of its event, and the time of the attempt."""

    model_config = ConfigDict(frozen=True)
    id: str
    timestamp: int
    body: bytes

    def headers(self, secrets: Sequence[str]) -> Mapping[str, str]:
        """Return the headers that a receiver checks; one signature for each secret."""
        content = f"{self.id}.{self.timestamp}.".encode() + self.body
        signatures = (
            base64.b64encode(hmac.new(signing_key(secret), content, hashlib.sha256).digest()).decode()
            for secret in secrets
        )
        return {
            "webhook-id": self.id,
            "webhook-timestamp": str(self.timestamp),
            "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
        }


def is_signed(body: bytes, headers: Mapping[str, str], *, secrets: Sequence[str], now: float) -> bool:
    """Return whether a request was signed with one of the secrets in the last five minutes; compares in constant time.

    The names of headers are in lower case.
    """
    id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    is_recent = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= MOST_DIGITS
    if not id or not is_recent or abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    valid = SignedRequest(id=id, timestamp=int(timestamp), body=body).headers(secrets)["webhook-signature"]
    return any(
        hmac.compare_digest(sent.encode(), expected.encode())
        for sent in headers.get("webhook-signature", "").split()
        for expected in valid.split()
    )
