"""Record which accounts, or services in a region of an account, could not be read, and why."""

import re
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

SHOWN_CHARACTERS = 200
ACCOUNT_ID = re.compile(r"\b\d{12}\b")
AWS_ERRORS = (ClientError, BotoCoreError)


@dataclass(frozen=True, order=True)
class Refusal:
    """An account or service that could not be read; `region` and `service` are empty if the whole account failed."""

    sub_account_id: str
    region: str
    service: str
    reason: str


def reason_of(error: Exception) -> str:
    """Return the AWS error code and message in one line, without account IDs so that equal reasons can be grouped."""
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        text = f"{details.get('Code', 'Unknown')}: {details.get('Message', '')}"
    else:
        text = f"{type(error).__name__}: {error}"
    text = ACCOUNT_ID.sub("ACCOUNT", " ".join(text.split()))
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
