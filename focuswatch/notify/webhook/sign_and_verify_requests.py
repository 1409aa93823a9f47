"""Sign and verify requests by Standard Webhooks: HMAC-SHA256 of id, timestamp and body.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from focuswatch.notify.webhook.signing_secrets import signing_key

TOLERANCE_SECONDS, MOST_DIGITS = 300, 12


class SignedRequest(BaseModel):
    """The content to sign: the body of a request, the id of its event, and the time of the attempt."""

    model_config = ConfigDict(frozen=True)
    id: str
    timestamp: int
    body: bytes

    def headers(self, secrets: Sequence[str]) -> Mapping[str, str]:
        """Return the headers that a receiver verifies, with one signature for each secret."""
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

    Header names must be in lower case.
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
