"""Webhooks of Workflows in Microsoft Teams, and their secret: URLs by the name in owners.toml.

A webhook can only post, and accepts no idempotency key. It responds with 202 before the workflow posts, so that a
workflow that fails afterwards is seen only in its run history.
https://learn.microsoft.com/en-us/connectors/teams/#microsoft-teams-webhook
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from focuswatch.errors import Refused, TryLater
from focuswatch.notify.post_json import READ_SECONDS, post_json

SHAPE = '{"webhooks": {"NAME": "https://…"}, "signing_secret": "at least 32 random characters"}'
# A URL with its signature must not be sent unencrypted.
WebhookUrl = Annotated[str, Field(pattern=r"^https://[^\s]+$|^http://127\.0\.0\.1(:\d+)?/[^\s]*$")]


class TeamsSecret(BaseModel):
    """The Teams secret; `signing_secret` signs the links of messages."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    webhooks: dict[str, WebhookUrl] = Field(min_length=1, repr=False)
    signing_secret: str = Field(min_length=32, repr=False)

    @classmethod
    def read(cls, value: str) -> Self:
        """Read the secret. Raises Refused if its format is wrong, without showing its value."""
        try:
            return cls.model_validate_json(value)
        except ValidationError:
            raise Refused(
                f"The Teams secret does not have the format {SHAPE}. Correct the secret, then run focuswatch doctor."
            ) from None


class Pace(Protocol):
    """The rate limit of a webhook; see focuswatch.notify.pacing.MessagePacing."""

    def wait(self, place: str) -> None:
        """Wait until it may be written to. Raises TryLater if that takes too long."""
        ...

    def pause(self, place: str, *, seconds: float) -> None:
        """Pause writes to it."""
        ...


@dataclass(frozen=True)
class TeamsWebhooks:
    """A client for the webhooks of a secret."""

    secret: TeamsSecret = field(repr=False)
    pace: Pace
    post_request: Callable[..., str] = post_json
    read_seconds: float = READ_SECONDS

    def post(self, address: str, message: Mapping[str, Any]) -> None:
        """Post a message. Raises TryLater (nothing was posted), Unsure (it may have been) or Refused."""
        url = self.secret.webhooks.get(address)
        if url is None:
            raise Refused(
                f"the Teams secret has no webhook for {address!r}. Add the webhook to webhooks in the secret, or "
                "correct owners.toml."
            )
        self.pace.wait(address)
        try:
            self.post_request(url, message, to=f"teams:{address}", read_seconds=self.read_seconds)
        except TryLater as error:
            self.pace.pause(address, seconds=error.seconds)
            raise
