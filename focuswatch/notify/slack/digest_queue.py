"""Digests: what a channel hears in sum because it would be too much one by one.

Each finding is a line in the ledger's table, and the digest is made anew from all of its lines whenever it grew: so it
does not matter in which order, how often or by whom they were written.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, TypeAdapter

from focuswatch.errors import TryLater
from focuswatch.findings.finding import account_label
from focuswatch.ledger.dynamodb_pages import of_kind
from focuswatch.notify.claims import Claim, ClaimLost, Claims
from focuswatch.notify.queue_message import QueuedNotification
from focuswatch.notify.slack.client import Poster
from focuswatch.notify.slack.digest import DigestLine, render_digest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

EVENT_TYPE = "focuswatch_digest"
DAY_SECONDS = 86_400
KEPT_DAYS = 30  # lines; nobody adds to a digest that old
LINE = TypeAdapter(DigestLine)


class DigestState(BaseModel):
    """What Slack shows of one digest: `lines` of them."""

    model_config = ConfigDict(frozen=True)
    ts: str
    lines: int


@dataclass(frozen=True)
class Digest:
    """Which digest: a team's of a day, in a channel."""

    channel: str
    team: str | None
    as_of: date

    @classmethod
    def of(cls, channel: str, delivery: QueuedNotification) -> Self:
        """The digest that tells of a delivery."""
        return cls(channel, delivery.finding.team, delivery.finding.as_of)

    @property
    def id(self) -> str:
        """Its name in the table and in Slack's metadata."""
        return f"{self.channel} {self.as_of} {self.team or ''}".rstrip()


@dataclass
class Digests:
    """The digests that one batch adds to."""

    table: "Table"
    claims: Claims[DigestState]
    clock: Callable[[], float]
    quiet_seconds: float = 0  # a digest that cannot be edited waits until nothing was added for so long
    _grown: dict[Digest, set[str]] = field(default_factory=dict)  # with the ids of the news that made it grow

    def add(self, channel: str, delivery: QueuedNotification) -> None:
        """Write a finding's line; however often, it is one."""
        one = Digest.of(channel, delivery)
        line = LINE.dump_json(_line(delivery)).decode()
        until = int(self.clock() + KEPT_DAYS * DAY_SECONDS)
        key = {"kind": f"digest {one.id}", "id": delivery.finding.fingerprint}
        at = Decimal(int(self.clock()))
        self.table.put_item(Item={**key, "document": line, "at": at, "expires_at": until})
        self.mark_changed(channel, delivery)

    def mark_changed(self, channel: str, delivery: QueuedNotification) -> None:
        """A line was written before; the digest may not show it yet."""
        self._grown.setdefault(Digest.of(channel, delivery), set()).add(delivery.news_id)

    def flush(self, slack: Poster) -> dict[str, Exception]:
        """Post every digest that grew, or bring it up to date; what failed, by the ids of its news."""
        failed: dict[str, Exception] = {}
        grown, self._grown = self._grown, {}
        for one in sorted(grown, key=lambda one: one.id):
            try:
                self._show(one, slack=slack)
            except Exception as error:  # whatever it is, the other digests are shown
                failed.update(dict.fromkeys(grown[one], error))
        return failed

    def _show(self, one: Digest, *, slack: Poster) -> None:
        with self.claims.held(one.id) as claim:
            self._shown(claim, one, slack=slack)

    def _shown(self, claim: Claim[DigestState], one: Digest, *, slack: Poster) -> None:
        items = list(of_kind(self.table, f"digest {one.id}", ConsistentRead=True))
        lines = [LINE.validate_json(str(item["document"])) for item in items]
        if not lines:  # told so long ago that they are forgotten
            return
        if claim.state and claim.state.lines == len(lines) and not claim.unsure:
            return
        grown_at = max(float(item["at"]) for item in items)
        if self.clock() - grown_at < self.quiet_seconds:
            raise TryLater(f"the digest {one.id} still grows", seconds=self.quiet_seconds)
        message = render_digest(lines, team=one.team, as_of=one.as_of)
        message["metadata"] = {"event_type": EVENT_TYPE, "event_payload": {"digest": one.id}}
        ts = claim.state.ts if claim.state else self._found(one, slack=slack)
        if ts is None:
            ts = slack.post(one.channel, message)
            try:
                self.claims.settle(claim, DigestState(ts=ts, lines=len(lines)))
            except ClaimLost:
                slack.delete(one.channel, ts)
                raise
            return
        slack.update(one.channel, ts, message)
        self.claims.settle(claim, DigestState(ts=ts, lines=len(lines)))

    def _found(self, one: Digest, *, slack: Poster) -> str | None:
        told = slack.own_messages(one.channel, since=self.clock() - KEPT_DAYS * DAY_SECONDS)
        return next((seen.ts for seen in told if seen.payload.get("digest") == one.id), None)


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
