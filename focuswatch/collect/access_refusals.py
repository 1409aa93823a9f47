"""Record which accounts, or services in a region of an account, could not be read, and why."""

import re
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

SHOWN_LETTERS = 200
ACCOUNT_ID = re.compile(r"\b\d{12}\b")
AWS_ERRORS = (ClientError, BotoCoreError)


@dataclass(frozen=True, order=True)
class Refusal:
    """An account or service that could not be read; `region` and `service` are empty if the whole account failed."""

    sub_account_id: str
    region: str
    service: str
    reason: str


@dataclass
class ServiceNotOffered:
    """The services that have no endpoint in a region, so that a run does not call them again for the next account.

    botocore's list of regions is not reliable for this: it lists no region for Neptune Analytics and every region for
    Amazon Q Business.
    """

    absent: set[tuple[str, str]] = field(default_factory=set)

    def __contains__(self, place: tuple[str, str]) -> bool:
        return place in self.absent

    def remember(self, error: Exception, *, service: str, region: str) -> bool:
        """Return whether the error means that the region does not offer the service; if so, remember the service."""
        is_absent = isinstance(error, EndpointConnectionError)
        if is_absent:
            self.absent.add((service, region))
        return is_absent


def reason_of(error: Exception) -> str:
    """Return the AWS error code and message in one line, without account IDs so that equal reasons can be grouped."""
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        text = f"{details.get('Code', 'Unknown')}: {details.get('Message', '')}"
    else:
        text = f"{type(error).__name__}: {error}"
    text = ACCOUNT_ID.sub("ACCOUNT", " ".join(text.split()))
    return text if len(text) <= SHOWN_LETTERS else text[: SHOWN_LETTERS - 1] + "…"
