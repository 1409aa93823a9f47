"""Targets of the worlds in tests/fakes/delivery_world.py besides Slack and Jira: webhook, mail, Security Hub, S3.

A target gives the channel of a function run, fails as a fault says, and compares what it shows with what was published.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import boto3

from focuswatch.findings.finding import Finding
from focuswatch.notify.deliver_to_addresses import AddressChannel, AddressState
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.mail.client import Ses
from focuswatch.notify.mail.daily_limit import DailyLimit
from focuswatch.notify.mail.deliver import MailSender
from focuswatch.notify.mail.mail_digest_queue import MailDigests, MailDigestState
from focuswatch.notify.pacing import MessagePacing
from focuswatch.notify.security.asff_finding import SecurityHubAccount, asff_id
from focuswatch.notify.security.client import SecurityHub
from focuswatch.notify.security.deliver import SecurityHubChannel, SecurityHubState
from focuswatch.notify.security.ocsf_files import OcsfFiles
from focuswatch.notify.webhook.client import WebhookEndpoint
from focuswatch.notify.webhook.deliver import WebhookSender
from focuswatch.notify.webhook.signing_secrets_and_signatures import WebhookSecrets
from focuswatch.owners.owners_file_and_assignment import Owners
from tests.fakes.local_ses_securityhub import ACCOUNT, REGION, SENDER, LocalRestAws, local_rest_aws
from tests.fakes.local_webhook_receiver import HOST, SECRET, LocalEndpoint, local_endpoint
from tests.given.jira_world import CATALOG
from tests.given.slack_world import SlackWorld

TargetName = Literal["webhook", "email", "securityhub", "ocsf"]
TEAMS = ("search", "fraud", "mobile")
Published = Mapping[
    str, Mapping[int, tuple[str, bool]]
]  # kind and whether in a digest, by fingerprint and number
HUB = SecurityHubAccount(ACCOUNT, REGION, "focuswatch")


class Target(Protocol):
    """One channel of a world."""

    def channel(self, world: SlackWorld, table: Any) -> Any:
        """Return the channel of a function run; `world` has the clock and the steps at which a process is killed."""
        ...

    def befall(self, fault: str | None) -> None:
        """Fail: `down` until None, `cut` or `slow` (the next request succeeds, and its response does not arrive)."""
        ...

    def audit(self, published: Published) -> tuple[int, int]:
        """Return how much is missing, and how much is there twice."""
        ...


def as_published(finding: Finding, *, target: str) -> Finding:
    """The finding as a target gets it: security tools get security findings only."""
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
            world.clock, resolve=lambda _host, _port: ["127.0.0.1"], tls=self.endpoint.tls,
            read_seconds=world.timeout_seconds,
        )  # fmt: skip
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
        """An event out of order counts as missing: its receiver shows an older state last."""
        due, order = _ids(published), defaultdict(list)
        for id in self.endpoint.order:
            fingerprint, _, number = id.rpartition("-")
            order[fingerprint].append(int(number))
        late = sum(numbers != sorted(numbers) for numbers in order.values())
        return len({*due} - {*self.endpoint.order}) + late, len({*self.endpoint.order} - {*due})


@dataclass
class EmailTarget:
    """An address for each team; a mail is about one notification, or a digest about several."""

    aws: LocalRestAws

    def channel(self, world: SlackWorld, table: Any) -> Any:
        pace = MessagePacing(table, channel="email", clock=world.clock, sleep=lambda _seconds: None)
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
    """A Security Hub, which shows each finding once, by its id."""

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
    """A bucket; S3 itself is moto's, and fails before or after it has written."""

    s3: Any
    down: bool = False
    cut: int = 0
    keys: list[str] = field(default_factory=list)

    def channel(self, world: SlackWorld, table: Any) -> Any:
        return OcsfFiles(world.steps.watched(self, ("put_object",)), "data", CATALOG)

    def put_object(self, **asked: Any) -> None:
        from botocore.exceptions import ReadTimeoutError

        if not self.down:
            self.s3.put_object(**asked)
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
    """Start the target of this name, inside moto's mock_aws; None for Slack and Jira."""
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
