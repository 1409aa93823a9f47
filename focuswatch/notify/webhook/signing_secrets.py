"""Parse the signing secrets of webhooks, by URL host or team, in the format of Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, RootModel

from focuswatch.errors import Refused
from focuswatch.notify.parse_secret import parse_secret

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64  # of a key, from the specification
SHAPE = '{"HOST OR TEAM": "whsec_…"} or {"HOST OR TEAM": ["whsec_NEW", "whsec_OLD"]}'


def signing_key(secret: str) -> bytes:
    """Return the decoded key of a `whsec_…` secret. Raises ValueError, without showing the secret."""
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
    """The webhook secret: signing secrets by URL host or by team. During a rotation, an entry has two secrets."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    def __repr__(self) -> str:
        """Return only the hosts and teams, not the secrets."""
        return f"WebhookSecrets({', '.join(self.root)})"

    __str__ = __repr__

    @classmethod
    def read(cls, value: str) -> Self:
        """Read the secret. Raises Refused if its format is wrong, without showing its value."""
        return parse_secret(
            cls,
            value,
            channel="webhook",
            expected=f"{SHAPE}, with {LEAST_BYTES} to {MOST_BYTES} random bytes in Base64 after {PREFIX}",
        )

    @property
    def all(self) -> tuple[str, ...]:
        """The signing secrets of all hosts and teams."""
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
            f"The webhook secret in Secrets Manager has no entry for {' or '.join(names)}. "
            'Add {"' + names[0] + '": "whsec_…"} to this secret.'
        )
