"""Collect findings that are too many for separate messages, and post them as one digest per team and day.

Each finding is a line in the ledger table, and the digest is rendered from all its lines whenever one is added. So it
does not matter in which order, how often and by which run the lines are stored. Slack and Teams use this module; each
renders a digest in its own way.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, Self

from pydantic import BaseModel, ConfigDict, TypeAdapter

from focuswatch.errors import TryLater
from focuswatch.ledger.dynamodb_pages import of_kind
from focuswatch.notify.delivery_claims_and_state import Claim, ClaimLost, Claims
from focuswatch.notify.digest_line import DigestLine, digest_line
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.notify.slack.message_poster_protocol import NO_TIMESTAMP, FoundMessage, Payload

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

EVENT_TYPE = "focuswatch_digest"
DAY_SECONDS = 86_400
KEPT_DAYS = 30  # until lines expire; an older digest gets no new lines
SECONDS_WITHOUT_CHANGE = 120.0  # time without new lines before a digest that cannot be edited is posted
LINE = TypeAdapter(DigestLine)


class DigestPoster(Protocol):
    """Posts digests to a channel; see focuswatch.notify.slack.message_poster_protocol.Poster."""

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
        """Yield the messages in a channel that the app posted."""
        ...


class DigestState(BaseModel):
    """The stored state of a digest's message: its ts, the number of `lines` that it shows, and a hash of them.

    `lines_hash` is None if an earlier version of focuswatch stored the state.
    """

    model_config = ConfigDict(frozen=True)
    ts: str
    lines: int
    lines_hash: str | None = None

    def shows(self, documents: Sequence[str]) -> bool:
        """Return whether the message shows exactly these lines."""
        if self.lines_hash is None:
            return self.lines == len(documents)
        return self.lines_hash == lines_hash(documents)


@dataclass(frozen=True)
class DigestKey:
    """The key of a digest: a team and a day, in a channel."""

    channel: str
    team: str | None
    as_of: date

    @classmethod
    def of(cls, channel: str, delivery: QueuedNotification) -> Self:
        """Return the key of the digest for a notification."""
        return cls(channel, delivery.finding.team, delivery.finding.as_of)

    @property
    def id(self) -> str:
        """Return the id of the digest in the table and in the metadata of its Slack message."""
        return f"{self.channel} {self.as_of} {self.team or ''}".rstrip()


@dataclass
class Digests:
    """Stores the lines of digests, and posts or updates the digests that a batch changed."""

    table: "Table"
    claims: Claims[DigestState]
    clock: Callable[[], float]
    render: Callable[..., Payload]  # called with the lines, `team` and `as_of`
    seconds_without_change: float = 0  # see SECONDS_WITHOUT_CHANGE
    _changed: dict[DigestKey, set[str]] = field(default_factory=dict)  # notification ids by digest

    def add(self, channel: str, delivery: QueuedNotification) -> None:
        """Store the line of a finding. Idempotent."""
        digest_key = DigestKey.of(channel, delivery)
        line = LINE.dump_json(digest_line(delivery)).decode()
        until = int(self.clock() + KEPT_DAYS * DAY_SECONDS)
        key = {"kind": f"digest {digest_key.id}", "id": delivery.finding.fingerprint}
        at = Decimal(int(self.clock()))
        self.table.put_item(Item={**key, "document": line, "at": at, "expires_at": until})
        self.mark_changed(channel, delivery)

    def mark_changed(self, channel: str, delivery: QueuedNotification) -> None:
        """Mark a digest to be sent again, because its message may not show a stored line yet."""
        self._changed.setdefault(DigestKey.of(channel, delivery), set()).add(delivery.notification_id)

    def flush(self, poster: DigestPoster) -> dict[str, Exception]:
        """Post or update every changed digest. Return the errors by notification id."""
        failed: dict[str, Exception] = {}
        changed, self._changed = self._changed, {}
        for digest_key in sorted(changed, key=lambda digest_key: digest_key.id):
            try:
                self._send_digest(digest_key, poster=poster)
            except Exception as error:  # any error, so that the other digests are still sent
                failed.update(dict.fromkeys(changed[digest_key], error))
        return failed

    def _send_digest(self, digest_key: DigestKey, *, poster: DigestPoster) -> None:
        with self.claims.held(digest_key.id) as claim:
            self._post_or_update(claim, digest_key, poster=poster)

    def _post_or_update(
        self, claim: Claim[DigestState], digest_key: DigestKey, *, poster: DigestPoster
    ) -> None:
        items = list(of_kind(self.table, f"digest {digest_key.id}", ConsistentRead=True))
        documents = [str(item["document"]) for item in items]
        if not documents:  # all lines expired
            return
        if claim.state and claim.state.shows(documents) and not claim.unsure:
            return
        changed_at = max(float(item["at"]) for item in items)
        if self.clock() - changed_at < self.seconds_without_change:
            raise TryLater(
                f"the digest {digest_key.id} is still receiving findings", seconds=self.seconds_without_change
            )
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"digest": digest_key.id}}
        lines = [LINE.validate_json(document) for document in documents]
        rendered = self.render(lines, team=digest_key.team, as_of=digest_key.as_of)
        message = {**rendered, "metadata": metadata}
        ts = claim.state.ts if claim.state else self._find(digest_key, poster=poster)
        if ts is None or ts == NO_TIMESTAMP:  # without a timestamp, the message cannot be edited
            ts = poster.post(digest_key.channel, message)
            try:
                self.claims.settle(claim, _state(ts, documents))
            except ClaimLost:
                poster.delete(digest_key.channel, ts)
                raise
            return
        poster.update(digest_key.channel, ts, message)
        self.claims.settle(claim, _state(ts, documents))

    def _find(self, digest_key: DigestKey, *, poster: DigestPoster) -> str | None:
        messages = poster.own_messages(digest_key.channel, since=self.clock() - KEPT_DAYS * DAY_SECONDS)
        return next(
            (message.ts for message in messages if message.payload.get("digest") == digest_key.id), None
        )


def lines_hash(documents: Sequence[str]) -> str:
    """Return a hash of the stored lines, whatever their order."""
    return hashlib.sha256(json.dumps(sorted(documents)).encode()).hexdigest()


def _state(ts: str, documents: Sequence[str]) -> DigestState:
    return DigestState(ts=ts, lines=len(documents), lines_hash=lines_hash(documents))
