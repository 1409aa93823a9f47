"""Translate S3 errors into messages for the person who can fix them."""

from collections.abc import Iterator
from contextlib import contextmanager

from focuswatch.errors import ConfigError, ExportError, FocuswatchError

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
    "NoSuchKey": "the object was deleted while focuswatch was reading the export. Run the command again",
    "404": "the object was deleted while focuswatch was reading the export. Run the command again",
    "PreconditionFailed": "the object was replaced while focuswatch was reading the export. Run the command again",
    "412": "the object was replaced while focuswatch was reading the export. Run the command again",
}


@contextmanager
def translate_s3_errors(address: str) -> Iterator[None]:
    """Translate botocore errors that the block raises into a ConfigError or ExportError about `address`."""
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
