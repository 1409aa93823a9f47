"""What could not be looked at, and why: an account, or one service in one region of it."""

import re
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

SHOWN_LETTERS = 200
ACCOUNT_ID = re.compile(r"\b\d{12}\b")
AWS_ERRORS = (ClientError, BotoCoreError)


@dataclass(frozen=True, order=True)
class Refusal:
    """`region` and `service` are empty where the account as a whole refused."""

    sub_account_id: str
    region: str
    service: str
    reason: str


@dataclass
class ServiceNotOffered:
    """Services that have no endpoint in a region, found once and not asked for again in the next account.

    botocore's own list of regions cannot be trusted for this: it has none for Neptune Analytics and all for
    Amazon Q Business.
    """

    known: set[tuple[str, str]] = field(default_factory=set)

    def __contains__(self, place: tuple[str, str]) -> bool:
        return place in self.known

    def learn(self, error: Exception, *, service: str, region: str) -> bool:
        """Whether the error says that the service is not there; if so it is remembered."""
        absent = isinstance(error, EndpointConnectionError)
        if absent:
            self.known.add((service, region))
        return absent


def reason_of(error: Exception) -> str:
    """One line: AWS's code and words, short, and without account ids, so that what is alike can be told as one."""
    if isinstance(error, ClientError):
        told = error.response.get("Error", {})
        text = f"{told.get('Code', 'Unknown')}: {told.get('Message', '')}"
    else:
        text = f"{type(error).__name__}: {error}"
    text = ACCOUNT_ID.sub("ACCOUNT", " ".join(text.split()))
    return text if len(text) <= SHOWN_LETTERS else text[: SHOWN_LETTERS - 1] + "…"
