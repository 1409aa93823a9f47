"""Sessions in other accounts, by way of the read-only role that every account has."""

from collections.abc import Callable
from typing import Any, Protocol, cast

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import create_loader

from focuswatch.collect.resources import partition

SESSION_NAME = "focuswatch-collect"  # what CloudTrail shows in the account that is looked at
PATIENT = Config(
    retries={"mode": "adaptive", "max_attempts": 6},  # slows down by itself where AWS throttles
    connect_timeout=5,
    read_timeout=30,
)
LOADER = create_loader()  # AWS's service descriptions, read once for all accounts


class Session(Protocol):
    """What the collector needs of a boto3 session."""

    def client(self, service_name: str, *, region_name: str, config: Config) -> Any:
        """A client of a service in a region."""


SessionFor = Callable[[str], Session]


def assuming(sts: Any, *, role: str, external_id: str) -> SessionFor:
    """A function from an account's id to a session in it; it raises ClientError where the account refuses.

    The credentials last an hour, which is more than a Lambda has.
    """

    def session_for(account: str) -> Session:
        arn = f"arn:{partition(sts.meta.region_name)}:iam::{account}:role/{role}"
        return assumed(sts, arn, external_id=external_id)

    return session_for


def assumed(sts: Any, arn: str, *, external_id: str = "") -> Session:
    """A session as the role of this ARN."""
    proof = {"ExternalId": external_id} if external_id else {}
    told = sts.assume_role(RoleArn=arn, RoleSessionName=SESSION_NAME, **proof)["Credentials"]
    core = botocore.session.Session()
    core.register_component("data_loader", LOADER)
    session: Session = cast(Any, boto3.Session)(
        aws_access_key_id=told["AccessKeyId"],
        aws_secret_access_key=told["SecretAccessKey"],
        aws_session_token=told["SessionToken"],
        region_name=sts.meta.region_name,
        botocore_session=core,
    )
    return session
