"""Targets that tests/fakes/delivery_world.py delivers to: webhook, mail, Security Hub and S3.

A target creates the channel for a function run, fails on demand, and compares what it shows with what was published.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import boto3

from focuswatch.findings.finding import Finding
from focuswatch.notify.deliver_once_to_each_address import AddressChannel, AddressState
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.mail.client import Ses
from focuswatch.notify.mail.collect_and_send_digests import MailDigests, MailDigestState
from focuswatch.notify.mail.daily_limit import DailyLimit
from focuswatch.notify.mail.send_finding_mail import MailSender
from focuswatch.notify.security.asff_finding import SecurityHubAccount, asff_id
from focuswatch.notify.security.deliver_to_security_hub import SecurityHubChannel, SecurityHubState
from focuswatch.notify.security.security_hub_client import SecurityHub
from focuswatch.notify.security.write_ocsf_files_to_s3 import OcsfFiles
from focuswatch.notify.space_messages_to_a_destination import MessageRateLimit
from focuswatch.notify.webhook.client import WebhookEndpoint
from focuswatch.notify.webhook.deliver import WebhookSender
from focuswatch.notify.webhook.signing_secrets import WebhookSecrets
from focuswatch.owners.owners_file import Owners
from tests.fakes.local_ses_securityhub import ACCOUNT, REGION, SENDER, LocalRestAws, local_rest_aws
from tests.fakes.local_webhook_receiver import HOST, SECRET, LocalEndpoint, local_endpoint
from tests.given.jira_world import CATALOG
from tests.given.slack_world import SlackWorld

TargetName = Literal["webhook", "email", "securityhub", "ocsf"]
TEAMS = ("search", "fraud", "mobile")
# The kind of each notification and whether it is in a digest, by fingerprint and notification number.
Published = Mapping[str, Mapping[int, tuple[str, bool]]]
HUB = SecurityHubAccount(ACCOUNT, REGION, "focuswatch")


class Target(Protocol):
    """A service that notifications are delivered to."""

    def channel(self, world: SlackWorld, table: Any) -> Any:
        """Return the channel for a function run; `world` has the clock and the steps at which a run can be killed."""
        ...

    def befall(self, fault: str | None) -> None:
        """Fail: `down` until None; with `cut` or `slow` the next request succeeds, but its response does not arrive."""
        ...

    def audit(self, published: Published) -> tuple[int, int]:
        """Return how many notifications are missing, and how many are shown twice."""
        ...


def as_published(finding: Finding, *, target: str) -> Finding:
    """Return the finding as the target receives it: security tools receive only security findings."""
    update = {"category": "security", "severity": "high"} if target in ("securityhub", "ocsf") else {}
    return finding.model_copy(update=update)


def _owners(to: Callable[[str], str]) -> Owners:
    return Owners.model_validate({"teams": {team: {"channel": to(team)} for team in TEAMS}})


def _ids(published: Published) -> list[str]:
    return [f"{fingerprint}-{number}" for fingerprint, each in published.items() for number in sorted(each)]


@dataclass
class WebhookTarget:
    """An endpoint that keeps each event once, by its id, as receivers should."""

    endpoint: LocalEndpoint

    def channel(self, world: SlackWorld, table: Any) -> Any:
        self.endpoint.clock = world.clock
        client = WebhookEndpoint(
            world.clock,
            resolve=lambda _host, _port: ["127.0.0.1"],
            tls=self.endpoint.tls,
            read_seconds=world.timeout_seconds,
        )
        endpoint = world.steps.watched(client, ("post",))
        return AddressChannel(
            kind="webhook",
            sender=WebhookSender(endpoint, WebhookSecrets({HOST: SECRET}), "/focuswatch"),
            claims=Claims(table, channel="webhook", model=AddressState, clock=world.clock),
            owners=_owners(lambda _team: self.endpoint.url),
            catalog=CATALOG,
        )

    def befall(self, fault: str | None) -> None:
        self.endpoint.fault = 503 if fault == "down" else None
        if fault in ("cut", "slow"):
            self.endpoint.faults.append("dropped" if fault == "cut" else "silent")

    def audit(self, published: Published) -> tuple[int, int]:
        """Compare the events. Events out of order count as missing, because the receiver ends with an older state."""
        due, order = _ids(published), defaultdict(list)
        for id in self.endpoint.order:
            fingerprint, _, number = id.rpartition("-")
            order[fingerprint].append(int(number))
        late = sum(numbers != sorted(numbers) for numbers in order.values())
        return len({*due} - {*self.endpoint.order}) + late, len({*self.endpoint.order} - {*due})


@dataclass
class EmailTarget:
    """One address per team; a mail contains one notification, or a digest of several."""

    aws: LocalRestAws

    def channel(self, world: SlackWorld, table: Any) -> Any:
        pace = MessageRateLimit(table, channel="email", clock=world.clock, sleep=lambda _seconds: None)
        ses = world.steps.watched(Ses(self.aws.client("sesv2"), SENDER, pace), ("send",))
        digests = Claims(table, channel="email digests", model=MailDigestState, clock=world.clock)
        return AddressChannel(
            kind="email",
            sender=MailSender(ses, world.clock),
            claims=Claims(table, channel="email", model=AddressState, clock=world.clock),
            owners=_owners(lambda team: f"mailto:{team}@acme.example"),
            catalog=CATALOG,
            digests=MailDigests(table, ses, digests, world.clock),
            has_room=DailyLimit(table, 20, world.clock).allows,
        )

    def befall(self, fault: str | None) -> None:
        _befall(self.aws, fault)

    def audit(self, published: Published) -> tuple[int, int]:
        alone, lines = Counter[str](), 0
        for mail in self.aws.mails:
            subject = mail["Subject"]["Data"]
            if subject.startswith("focuswatch: "):
                lines += int(subject.split()[1].replace(",", ""))
            else:
                alone.update(one["Value"] for one in mail["Headers"] if one["Name"] == "X-Focuswatch-Id")
        due = {*_ids(published)}
        summed = len(due - alone.keys())
        doubled = sum(count - 1 for count in alone.values()) + len(alone.keys() - due)
        return max(summed - lines, 0), doubled + max(lines - summed, 0)


@dataclass
class SecurityHubTarget:
    """A Security Hub; it shows each finding once, by its id."""

    aws: LocalRestAws

    def channel(self, world: SlackWorld, table: Any) -> Any:
        hub = world.steps.watched(SecurityHub(self.aws.client("securityhub")), ("put",))
        claims = Claims(table, channel="securityhub", model=SecurityHubState, clock=world.clock)
        return SecurityHubChannel(hub, HUB, claims, world.clock, CATALOG)

    def befall(self, fault: str | None) -> None:
        _befall(self.aws, fault)

    def audit(self, published: Published) -> tuple[int, int]:
        due = {
            asff_id(fingerprint, hub=HUB): "ARCHIVED" if each[max(each)][0] == "resolved" else "ACTIVE"
            for fingerprint, each in published.items()
        }
        shown = {id: one["RecordState"] for id, one in self.aws.findings.items()}
        return sum(shown.get(id) != state for id, state in due.items()), len(shown.keys() - due.keys())


@dataclass
class OcsfTarget:
    """A bucket in moto's S3; a request can fail before or after the object is written."""

    s3: Any
    down: bool = False
    cut: int = 0
    keys: list[str] = field(default_factory=list)

    def channel(self, world: SlackWorld, table: Any) -> Any:
        return OcsfFiles(world.steps.watched(self, ("put_object",)), "data", CATALOG)

    def put_object(self, **arguments: Any) -> None:
        from botocore.exceptions import ReadTimeoutError

        if not self.down:
            self.s3.put_object(**arguments)
        if self.down or self.cut:
            self.cut = max(self.cut - 1, 0)
            raise ReadTimeoutError(endpoint_url="s3")

    def befall(self, fault: str | None) -> None:
        self.down = fault == "down"
        self.cut += fault in ("cut", "slow")

    def audit(self, published: Published) -> tuple[int, int]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="data")
        keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
        shown = Counter(key.rpartition("/")[2].removesuffix(".jsonl") for key in keys)
        due = {*_ids(published)}
        return len(due - shown.keys()), len(shown.keys() - due) + sum(count - 1 for count in shown.values())


def _befall(aws: LocalRestAws, fault: str | None) -> None:
    aws.faults.every = "429" if fault == "down" else None
    if fault in ("cut", "slow"):
        aws.faults.next.append("dropped" if fault == "cut" else "silent")


@contextmanager
def delivery_target(name: str) -> Iterator[Target | None]:
    """Start the target with this name inside moto's mock_aws; yield None for the channels without such a target."""
    match name:
        case "webhook":
            with local_endpoint() as endpoint:
                yield WebhookTarget(endpoint)
        case "email":
            with local_rest_aws() as aws:
                yield EmailTarget(aws)
        case "securityhub":
            with local_rest_aws() as aws:
                yield SecurityHubTarget(aws)
        case "ocsf":
            s3 = boto3.client("s3", region_name=REGION)
            s3.create_bucket(Bucket="data")
            yield OcsfTarget(s3)
        case _:
            yield None
