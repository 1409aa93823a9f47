"""The Slack secret: the token of the bot, or incoming webhooks by team."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from focuswatch.notify.parse_secret import parse_secret

API = "https://slack.com/api/"
SHAPE = '{"token": "xoxb-…", "signing_secret": "…"} or {"webhooks": {"TEAM": "https://hooks.slack.com/…"}}'
HTTPS_OR_LOCAL = r"^https://|^http://127\.0\.0\.1[:/]"  # secrets must not be sent unencrypted


class SlackSecret(BaseModel):
    """The Slack secret in Secrets Manager; `api` differs for GovSlack: https://docs.slack.dev/govslack

    `webhooks` has URLs by team. These teams are notified through their webhook and need no bot.
    """

    token: str | None = Field(default=None, pattern=r"^xoxb-")
    signing_secret: str | None = Field(default=None, min_length=16)
    webhooks: dict[str, Annotated[str, Field(pattern=HTTPS_OR_LOCAL)]] = {}
    api: str = Field(default=API, pattern=HTTPS_OR_LOCAL)

    @model_validator(mode="after")
    def _has_a_way_to_post(self) -> Self:
        if not self.webhooks and not (self.token and self.signing_secret):
            raise ValueError("expected `token` and `signing_secret`, or `webhooks`")
        return self

    @classmethod
    def read(cls, value: str) -> Self:
        """Read the secret. Raises Refused if its format is wrong, without showing its value."""
        return parse_secret(cls, value, channel="Slack", expected=SHAPE)
