"""Digests: one message per team and day for findings that are too many for separate messages.

Each finding is a line in the ledger table, and the digest is rendered from all its lines whenever one is added. So
the order, repetitions and the writer of the lines do not matter.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, Self

from pydantic import BaseModel, ConfigDict, TypeAdapter

from focuswatch.errors import TryLater
from focuswatch.findings.account_owner_evidence_labels import account_label
from focuswatch.ledger.dynamodb_pages import of_kind
from focuswatch.notify.delivery_claims_and_state import Claim, ClaimLost, Claims
from focuswatch.notify.queued_notification_and_turn import QueuedNotification
from focuswatch.notify.slack.client import FoundMessage, Payload
from focuswatch.notify.slack.digest_message import DigestLine, render_digest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

EVENT_TYPE = "focuswatch_digest"
DAY_SECONDS = 86_400
KEPT_DAYS = 30  # lines; an older digest gets no new ones
LINE = TypeAdapter(DigestLine)


class DigestPoster(Protocol):
    """Where digests are posted; see focuswatch.notify.slack.client.Poster."""

    def post(self, channel: str, message: Payload) -> str:
        """Post a message. Return its id."""
        ...

    def update(self, channel: str, ts: str, message: Payload) -> None:
        """Replace a message."""
        ...

    def delete(self, channel: str, ts: str) -> None:
        """Delete a message."""
        ...

    def own_messages(self, channel: str, *, since: float) -> Iterator[FoundMessage]:
        """Yield the app's own messages."""
        ...


class DigestState(BaseModel):
    """The stored state of a digest's message: its ts and the number of `lines` that it shows."""

    model_config = ConfigDict(frozen=True)
    ts: str
    lines: int


@dataclass(frozen=True)
class DigestKey:
    """The key of a digest: a team and a day, in a channel."""

    channel: str
    team: str | None
    as_of: date

    @classmethod
    def of(cls, channel: str, delivery: QueuedNotification) -> Self:
        """Return the digest for a notification."""
        return cls(channel, delivery.finding.team, delivery.finding.as_of)

    @property
    def id(self) -> str:
        """Return its id in the table and in Slack's metadata."""
        return f"{self.channel} {self.as_of} {self.team or ''}".rstrip()


@dataclass
class Digests:
    """The digests that a batch adds to."""

    table: "Table"
    claims: Claims[DigestState]
    clock: Callable[[], float]
    quiet_seconds: float = 0  # a digest that cannot be edited is posted after this time without a new line
    render: Callable[..., Payload] = render_digest  # of the lines, `team` and `as_of`
    _changed: dict[DigestKey, set[str]] = field(default_factory=dict)  # with the ids of its notifications

    def add(self, channel: str, delivery: QueuedNotification) -> None:
        """Store the line of a finding; repeating it is safe."""
        digest_key = DigestKey.of(channel, delivery)
        line = LINE.dump_json(_line(delivery)).decode()
        until = int(self.clock() + KEPT_DAYS * DAY_SECONDS)
        key = {"kind": f"digest {digest_key.id}", "id": delivery.finding.fingerprint}
        at = Decimal(int(self.clock()))
        self.table.put_item(Item={**key, "document": line, "at": at, "expires_at": until})
        self.mark_changed(channel, delivery)

    def mark_changed(self, channel: str, delivery: QueuedNotification) -> None:
        """Mark a digest to be sent: its line is stored, but the message may not show it yet."""
        self._changed.setdefault(DigestKey.of(channel, delivery), set()).add(delivery.news_id)

    def flush(self, slack: DigestPoster) -> dict[str, Exception]:
        """Post or update every changed digest. Return the errors by notification id."""
        failed: dict[str, Exception] = {}
        changed, self._changed = self._changed, {}
        for digest_key in sorted(changed, key=lambda digest_key: digest_key.id):
            try:
                self._send_digest(digest_key, slack=slack)
            except Exception as error:  # any error: the other digests are sent
                failed.update(dict.fromkeys(changed[digest_key], error))
        return failed

    def _send_digest(self, digest_key: DigestKey, *, slack: DigestPoster) -> None:
        with self.claims.held(digest_key.id) as claim:
            self._post_or_update(claim, digest_key, slack=slack)

    def _post_or_update(
        self, claim: Claim[DigestState], digest_key: DigestKey, *, slack: DigestPoster
    ) -> None:
        items = list(of_kind(self.table, f"digest {digest_key.id}", ConsistentRead=True))
        lines = [LINE.validate_json(str(item["document"])) for item in items]
        if not lines:  # expired
            return
        if claim.state and claim.state.lines == len(lines) and not claim.unsure:
            return
        changed_at = max(float(item["at"]) for item in items)
        if self.clock() - changed_at < self.quiet_seconds:
            raise TryLater(
                f"the digest {digest_key.id} is still receiving findings", seconds=self.quiet_seconds
            )
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"digest": digest_key.id}}
        rendered = self.render(lines, team=digest_key.team, as_of=digest_key.as_of)
        message = {**rendered, "metadata": metadata}
        ts = claim.state.ts if claim.state else self._find(digest_key, slack=slack)
        if ts is None:
            ts = slack.post(digest_key.channel, message)
            try:
                self.claims.settle(claim, DigestState(ts=ts, lines=len(lines)))
            except ClaimLost:
                slack.delete(digest_key.channel, ts)
                raise
            return
        slack.update(digest_key.channel, ts, message)
        self.claims.settle(claim, DigestState(ts=ts, lines=len(lines)))

    def _find(self, digest_key: DigestKey, *, slack: DigestPoster) -> str | None:
        messages = slack.own_messages(digest_key.channel, since=self.clock() - KEPT_DAYS * DAY_SECONDS)
        return next(
            (message.ts for message in messages if message.payload.get("digest") == digest_key.id), None
        )


def _line(delivery: QueuedNotification) -> DigestLine:
    finding = delivery.finding
    return DigestLine(
        fingerprint=finding.fingerprint,
        title=finding.title if delivery.kind != "resolved" else f"Resolved: {finding.title}",
        monthly_cost=finding.monthly_cost,
        currency=finding.currency,
        account=account_label(finding.sub_account_name, finding.sub_account_id),
        region=finding.region_id,
        resource_id=finding.resource_id,
        severity=finding.severity,
        category=finding.category,
        detection=finding.detection,
        stake=finding.stake,
    )
