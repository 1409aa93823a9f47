"""Accounts, or services in a region of them, that refused access, and the reason."""

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
    """Services without an endpoint in a region, remembered so that the next account does not call them again.

    botocore's own list of regions cannot be trusted for this: it has none for Neptune Analytics and all for
    Amazon Q Business.
    """

    absent: set[tuple[str, str]] = field(default_factory=set)

    def __contains__(self, place: tuple[str, str]) -> bool:
        return place in self.absent

    def remember(self, error: Exception, *, service: str, region: str) -> bool:
        """Return whether the error means that the region lacks the service; if so, remember it."""
        is_absent = isinstance(error, EndpointConnectionError)
        if is_absent:
            self.absent.add((service, region))
        return is_absent


def reason_of(error: Exception) -> str:
    """Return AWS's error code and message in one line without account ids, so that equal reasons can be grouped."""
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        text = f"{details.get('Code', 'Unknown')}: {details.get('Message', '')}"
    else:
        text = f"{type(error).__name__}: {error}"
    text = ACCOUNT_ID.sub("ACCOUNT", " ".join(text.split()))
    return text if len(text) <= SHOWN_LETTERS else text[: SHOWN_LETTERS - 1] + "…"
