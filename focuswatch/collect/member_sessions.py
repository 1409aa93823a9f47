"""Clients in other accounts, by way of the read-only role that every account has.

A client of boto3 takes tens of milliseconds to make and is safe to share between threads, so there is one of each
service and region for all accounts, and each call is signed as the account it is for: a thousand accounts in four
regions would else spend a quarter of an hour on making clients.
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

from focuswatch.collect.hourly_resources import partition

SESSION_NAME = "focuswatch-collect"  # what CloudTrail shows in the account that is looked at
AT_ONCE = 16  # accounts; each mostly waits
PATIENT = Config(
    retries={"mode": "adaptive", "max_attempts": 8},
    connect_timeout=5,
    read_timeout=30,
    max_pool_connections=AT_ONCE,
)
# Not adaptive: that would slow the calls to all accounts down where one of them throttles
SHARED = Config(
    retries={"mode": "standard", "max_attempts": 8},
    connect_timeout=5,
    read_timeout=30,
    max_pool_connections=AT_ONCE,
)
CALLING_AS: ContextVar[ReadOnlyCredentials] = ContextVar("calling_as")


class Session(Protocol):
    """What the collector needs of an account: clients, by service and region."""

    def client(self, service_name: str, *, region_name: str) -> Any:
        """A client whose calls are made in the account."""


SessionFor = Callable[[str], Session]


class _OfTheCall(Credentials):
    """The credentials of the account that is called right now; a LookupError outside of a call."""

    def __init__(self) -> None:
        super().__init__("", "")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return CALLING_AS.get()


@dataclass
class Clients:
    """One client of each service and region, made when it is needed."""

    core: Any = field(default_factory=botocore.session.Session)
    made: dict[tuple[str, str], Any] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.core._credentials = _OfTheCall()

    def of(self, service: str, region: str) -> Any:
        """The client; its calls want CALLING_AS."""
        with self.lock:
            if (service, region) not in self.made:
                self.made[service, region] = self.core.create_client(
                    service, region_name=region, config=SHARED
                )
            return self.made[service, region]


@dataclass(frozen=True)
class Member:
    """An account, by the credentials that its role gave."""

    clients: Clients
    credentials: ReadOnlyCredentials

    def client(self, service_name: str, *, region_name: str) -> Any:
        """A shared client, every call of which is signed as this account."""
        return _Bound(self.clients.of(service_name, region_name), self.credentials)


@dataclass(frozen=True)
class _Bound:
    shared: Any
    credentials: ReadOnlyCredentials

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = getattr(self.shared, operation)

        def as_member(**asked: Any) -> Any:
            before = CALLING_AS.set(self.credentials)
            try:
                return call(**asked)
            finally:
                CALLING_AS.reset(before)

        return as_member


def assuming(sts: Any, *, role: str, external_id: str, clients: Clients | None = None) -> SessionFor:
    """A function from an account's id to its clients; it raises ClientError where the account refuses.

    The credentials last an hour, which is more than a Lambda has.
    """
    shared = clients or Clients()

    def session_for(account: str) -> Session:
        arn = f"arn:{partition(sts.meta.region_name)}:iam::{account}:role/{role}"
        told = assume(sts, arn, external_id=external_id)
        return Member(
            shared, ReadOnlyCredentials(told["AccessKeyId"], told["SecretAccessKey"], told["SessionToken"])
        )

    return session_for


def assume(sts: Any, arn: str, *, external_id: str) -> Any:
    """Credentials as the role of this ARN."""
    return sts.assume_role(RoleArn=arn, RoleSessionName=SESSION_NAME, ExternalId=external_id)["Credentials"]


def assumed(sts: Any, arn: str, *, external_id: str) -> boto3.Session:
    """A session of its own as the role of this ARN."""
    told = assume(sts, arn, external_id=external_id)
    return boto3.Session(
        aws_access_key_id=told["AccessKeyId"],
        aws_secret_access_key=told["SecretAccessKey"],
        aws_session_token=told["SessionToken"],
        region_name=sts.meta.region_name,
    )
