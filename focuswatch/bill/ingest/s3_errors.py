"""Create an S3 client with the user's settings, and turn S3 errors into messages for the person who can fix them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from focuswatch.errors import ConfigError, ExportError, FocuswatchError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECTIONS = 16
ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")

DENIED = (
    "access is denied. Use credentials that allow s3:ListBucket on the bucket, s3:GetObject on its objects and, "
    "if a customer managed key encrypts the objects, kms:Decrypt"
)
NO_CREDENTIALS = (
    "no usable AWS credentials were found. Run `aws sso login` or `aws configure`, or set AWS_PROFILE"
)
CONFIG_ERRORS = {
    "AccessDenied": DENIED,
    "403": DENIED,
    "ExpiredToken": NO_CREDENTIALS,
    "InvalidAccessKeyId": NO_CREDENTIALS,
    "InvalidToken": NO_CREDENTIALS,
    "SignatureDoesNotMatch": NO_CREDENTIALS,
}
EXPORT_ERRORS = {
    "NoSuchBucket": "the bucket does not exist. Check the address",
    "NoSuchKey": "the object was deleted while focuswatch read the export. Run the command again",
    "404": "the object was deleted while focuswatch read the export. Run the command again",
    "PreconditionFailed": "the object was replaced while focuswatch read the export. Run the command again",
    "412": "the object was replaced while focuswatch read the export. Run the command again",
}


def s3_client() -> "S3Client":
    """Return a client with the user's own credentials, region and endpoint. Raises ConfigError without boto3."""
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise ConfigError("reading s3:// requires boto3: pip install 'focuswatch[aws]'") from error
    own_endpoint = any(os.environ.get(name) for name in ENDPOINTS)
    config = Config(
        max_pool_connections=CONNECTIONS,
        retries={"mode": "standard"},
        s3={"addressing_style": "path"} if own_endpoint else {},  # such hosts seldom resolve bucket.host
    )
    return boto3.client("s3", config=config)


@contextmanager
def errors_as_sentences(address: str) -> Iterator[None]:
    """Raise ConfigError or ExportError about `address` for what botocore raises inside."""
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        PartialCredentialsError,
        TokenRetrievalError,
    )

    try:
        yield
    except (NoCredentialsError, PartialCredentialsError, TokenRetrievalError) as error:
        raise ConfigError(f"{address}: {NO_CREDENTIALS}") from error
    except ClientError as error:
        raise _translated(address, error.response.get("Error", {}).get("Code", ""), str(error)) from error
    except BotoCoreError as error:
        raise ExportError(
            f"{address}: S3 cannot be reached ({error}). Check the network and the region"
        ) from error


def _translated(address: str, code: str, text: str) -> FocuswatchError:
    if code in CONFIG_ERRORS:
        return ConfigError(f"{address}: {CONFIG_ERRORS[code]}")
    answer = EXPORT_ERRORS.get(code, f"S3 returned {text}. Try again, or check the address")
    return ExportError(f"{address}: {answer}")
