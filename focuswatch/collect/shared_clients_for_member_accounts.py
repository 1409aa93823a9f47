"""Provide boto3 clients for member accounts, which use the read-only role of each account.

All accounts share one client per service and region, and each call is signed with the credentials of its account.
Creating a client takes tens of milliseconds, so separate clients for a thousand accounts in four regions would take a
quarter of an hour. A client is thread-safe.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials, ReadOnlyCredentials

from focuswatch.collect.account_and_region_with_arns import partition

SESSION_NAME = "focuswatch-collect"  # shown by CloudTrail in the member account
AT_ONCE = 16  # accounts in parallel; each thread mostly waits for AWS
ADAPTIVE_RETRIES = Config(
    retries={"mode": "adaptive", "max_attempts": 8},
    connect_timeout=5,
    read_timeout=30,
    max_pool_connections=AT_ONCE,
)
# Not adaptive: if one account throttles, the adaptive mode slows the calls to all accounts.
STANDARD_RETRIES = Config(
    retries={"mode": "standard", "max_attempts": 8},
    connect_timeout=5,
    read_timeout=30,
    max_pool_connections=AT_ONCE,
)
CALLING_AS: ContextVar[ReadOnlyCredentials] = ContextVar("calling_as")


class Session(Protocol):
    """Provides the clients of one account."""

    def client(self, service_name: str, *, region_name: str) -> Any:
        """Return a client whose calls are made in the account."""


SessionFor = Callable[[str], Session]


class _CallCredentials(Credentials):
    """The credentials of the account that the current call is for; LookupError outside a call."""

    def __init__(self) -> None:
        super().__init__("", "")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return CALLING_AS.get()


@dataclass
class Clients:
    """One client per service and region, created on first use."""

    core: Any = field(default_factory=botocore.session.Session)
    by_service: dict[tuple[str, str], Any] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.core._credentials = _CallCredentials()

    def of(self, service: str, region: str) -> Any:
        """Return the shared client; CALLING_AS must be set during its calls."""
        with self.lock:
            if (service, region) not in self.by_service:
                self.by_service[service, region] = self.core.create_client(
                    service, region_name=region, config=STANDARD_RETRIES
                )
            return self.by_service[service, region]


@dataclass(frozen=True)
class Member:
    """A member account with the credentials of its role."""

    clients: Clients
    credentials: ReadOnlyCredentials

    def client(self, service_name: str, *, region_name: str) -> Any:
        """Return a shared client whose calls are signed with the credentials of this account."""
        return _Bound(self.clients.of(service_name, region_name), self.credentials)


@dataclass(frozen=True)
class _Bound:
    shared: Any
    credentials: ReadOnlyCredentials

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = getattr(self.shared, operation)

        def as_member(**arguments: Any) -> Any:
            before = CALLING_AS.set(self.credentials)
            try:
                return call(**arguments)
            finally:
                CALLING_AS.reset(before)

        return as_member


def member_sessions(sts: Any, *, role: str, external_id: str, clients: Clients | None = None) -> SessionFor:
    """Return a function that returns the session of an account ID; it raises ClientError if the account denies access.

    The credentials are valid for one hour, which is longer than a Lambda function can run.
    """
    shared = clients or Clients()

    def session_for(account: str) -> Session:
        arn = f"arn:{partition(sts.meta.region_name)}:iam::{account}:role/{role}"
        keys = assume(sts, arn, external_id=external_id)
        return Member(
            shared, ReadOnlyCredentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        )

    return session_for


def assume(sts: Any, arn: str, *, external_id: str) -> Any:
    """Return credentials for the role with this ARN."""
    return sts.assume_role(RoleArn=arn, RoleSessionName=SESSION_NAME, ExternalId=external_id)["Credentials"]


def assume_session(sts: Any, arn: str, *, external_id: str) -> boto3.Session:
    """Return a boto3 session with the role of this ARN."""
    keys = assume(sts, arn, external_id=external_id)
    return boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        region_name=sts.meta.region_name,
    )
