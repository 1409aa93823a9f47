"""The Teams secret: webhooks of Workflows by name, and the signing secret of response links."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from focuswatch.notify.parse_secret import parse_secret

SHAPE = '{"webhooks": {"NAME": "https://…"}, "signing_secret": "at least 32 random characters"}'
# The URL contains a signature, so it must not be sent unencrypted.
WebhookUrl = Annotated[str, Field(pattern=r"^https://[^\s]+$|^http://127\.0\.0\.1(:\d+)?/[^\s]*$")]


class TeamsSecret(BaseModel):
    """The Teams secret; `signing_secret` signs the response links in messages."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    webhooks: dict[str, WebhookUrl] = Field(min_length=1, repr=False)
    signing_secret: str = Field(min_length=32, repr=False)

    @classmethod
    def read(cls, value: str) -> Self:
        """Read the secret. Raises Refused if its format is wrong, without showing its value."""
        return parse_secret(cls, value, channel="Teams", expected=SHAPE)
