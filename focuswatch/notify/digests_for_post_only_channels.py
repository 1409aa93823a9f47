"""Send digests through a channel that can only post messages: one digest per address, team and day.

A digest combines findings that are too many for separate messages. It cannot be edited, so it is posted after no line
was added for two minutes. If lines are added or change later, a second digest with all lines is posted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from focuswatch.notify.collect_and_post_slack_and_teams_digests import (
    SECONDS_WITHOUT_CHANGE,
    Digests,
    DigestState,
)
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.digest_line import DigestLine
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.notify.slack.message_poster_protocol import NO_TIMESTAMP, FoundMessage
from focuswatch.owners.channel_address import ChannelAddress, ChannelKind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


class DigestSender(Protocol):
    """A channel that posts digests."""

    def send_digest(
        self, lines: Sequence[DigestLine], *, address: str, team: str | None, as_of: date
    ) -> None:
        """Post the digest of a team and a day. Raises TryLater, Unsure or Refused."""
        ...


@dataclass(frozen=True)
class _PostOnly:
    """Adapts a `DigestSender` to a DigestPoster; it cannot edit, delete or read messages."""

    sender: DigestSender

    def post(self, channel: str, message: Mapping[str, Any]) -> str:
        self.sender.send_digest(
            message["lines"],
            address=ChannelAddress.parse(channel).name,
            team=message["team"],
            as_of=message["as_of"],
        )
        return NO_TIMESTAMP

    def update(self, channel: str, ts: str, message: Mapping[str, Any]) -> None:
        self.post(channel, message)

    def delete(self, channel: str, ts: str) -> None:
        return None

    def own_messages(self, channel: str, *, since: float) -> Iterator[FoundMessage]:
        return iter(())


class AddressDigests:
    """Collects the digests of a batch by address, and sends them."""

    def __init__(
        self,
        table: "Table",
        *,
        kind: ChannelKind,
        sender: DigestSender,
        claims: Claims[DigestState],
        clock: Callable[[], float],
    ) -> None:
        self._kind, self._poster = kind, _PostOnly(sender)
        self._digests = Digests(table, claims, clock, _unrendered, SECONDS_WITHOUT_CHANGE)

    def add(self, address: str, delivery: QueuedNotification) -> None:
        """Store the digest line of a notification. Idempotent."""
        self._digests.add(self._channel(address), delivery)

    def mark_changed(self, address: str, delivery: QueuedNotification) -> None:
        """Mark a digest to be sent again, because its message may not show a stored line yet."""
        self._digests.mark_changed(self._channel(address), delivery)

    def flush(self) -> dict[str, Exception]:
        """Send every changed digest. Return the errors by notification id."""
        return self._digests.flush(self._poster)

    def _channel(self, address: str) -> str:
        return str(ChannelAddress(self._kind, address))


def _unrendered(lines: Sequence[DigestLine], *, team: str | None, as_of: date) -> dict[str, Any]:
    return {"lines": lines, "team": team, "as_of": as_of}
