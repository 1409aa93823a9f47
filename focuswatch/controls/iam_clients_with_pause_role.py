"""Create IAM clients with the pause role of each account, which can change only the deny policy on capped roles."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from focuswatch.errors import Refused, TryLater

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

SESSION = "focuswatch-controls"
SESSION_SECONDS = 900  # minimum: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
RETRY_SECONDS = 60.0
# Short timeouts, because the function `controls` has a timeout of two minutes.
SHORT = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})


def iam_clients(sts: "STSClient", *, role: str, external_id: str) -> Callable[[str], Any]:
    """Return a function that returns an account's IAM client; it raises TryLater, or Refused on AccessDenied."""

    @cache
    def client(account: str) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        arn = f"arn:aws:iam::{account}:role/{role}"
        try:
            keys = sts.assume_role(
                RoleArn=arn, RoleSessionName=SESSION, ExternalId=external_id, DurationSeconds=SESSION_SECONDS
            )["Credentials"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "AccessDenied":
                raise Refused(
                    f"cannot assume {arn}; deploy the stack focuswatch-pause-{account} with credentials for "
                    f"account {account}"
                ) from error
            raise TryLater(f"assuming {arn}: {error}", seconds=RETRY_SECONDS) from error
        except BotoCoreError as error:
            raise TryLater(f"assuming {arn}: {error}", seconds=RETRY_SECONDS) from error
        session = boto3.Session(
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        return session.client("iam", config=SHORT)

    return client
