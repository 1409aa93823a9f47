"""The Jira secret: the URL of the Jira site and the token of the account that focuswatch uses."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from focuswatch.notify.parse_secret import parse_secret

SHAPE = '{"url": "https://…", "email": "…", "token": "…"} (without "email" on Jira Data Center)'


class JiraSecret(BaseModel):
    """The Jira secret: an API token of Jira Cloud if `email` is set, else a personal access token of Data Center.

    https://confluence.atlassian.com/enterprise/using-personal-access-tokens-1026032365.html
    """

    model_config = ConfigDict(frozen=True)
    url: str = Field(pattern=r"^https://|^http://127\.0\.0\.1[:/]")  # the token must not be sent unencrypted
    token: str = Field(min_length=1, repr=False)
    email: str | None = None

    @classmethod
    def read(cls, value: str) -> Self:
        """Read the secret. Raises Refused if its format is wrong, without showing its value."""
        return parse_secret(cls, value, channel="Jira", expected=SHAPE)
