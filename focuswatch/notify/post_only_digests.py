"""Digests of a channel that can only post: one message per address, team and day for findings that are too many.

A digest is posted once no line was added for two minutes, since it cannot be edited; later lines make a second one with
all lines.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.queued_notification_and_turn import QueuedNotification
from focuswatch.notify.slack.client import FoundMessage
from focuswatch.notify.slack.digest_message import DigestLine
from focuswatch.notify.slack.digest_queue import Digests, DigestState
from focuswatch.notify.slack.incoming_webhook import QUIET_SECONDS
from focuswatch.owners.channel_address import ChannelAddress, ChannelKind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

POSTED = "posted"  # instead of an id, which such a channel does not return


class DigestSender(Protocol):
    """A channel that posts digests."""

    def send_digest(
        self, lines: Sequence[DigestLine], *, address: str, team: str | None, as_of: date
    ) -> None:
        """Post the digest of a team and a day. Raises TryLater, Unsure or Refused."""
        ...


@dataclass(frozen=True)
class _PostOnly:
    """A channel of digests that can neither edit, delete nor read."""

    sender: DigestSender

    def post(self, channel: str, message: Mapping[str, Any]) -> str:
        self.sender.send_digest(
            message["lines"],
            address=ChannelAddress.parse(channel).name,
            team=message["team"],
            as_of=message["as_of"],
        )
        return POSTED

    def update(self, channel: str, ts: str, message: Mapping[str, Any]) -> None:
        self.post(channel, message)

    def delete(self, channel: str, ts: str) -> None:
        return None

    def own_messages(self, channel: str, *, since: float) -> Iterator[FoundMessage]:
        return iter(())


class AddressDigests:
    """The digests that a batch adds to, by the name of an address."""

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
        self._digests = Digests(table, claims, clock, QUIET_SECONDS, render=_unrendered)

    def add(self, address: str, delivery: QueuedNotification) -> None:
        """Store the line of a finding; repeating it is safe."""
        self._digests.add(self._channel(address), delivery)

    def mark_changed(self, address: str, delivery: QueuedNotification) -> None:
        """Mark a digest to be sent: its line is stored, but the message may not show it yet."""
        self._digests.mark_changed(self._channel(address), delivery)

    def flush(self) -> dict[str, Exception]:
        """Send every changed digest. Return the errors by notification id."""
        return self._digests.flush(self._poster)

    def _channel(self, address: str) -> str:
        return str(ChannelAddress(self._kind, address))


def _unrendered(lines: Sequence[DigestLine], *, team: str | None, as_of: date) -> dict[str, Any]:
    return {"lines": lines, "team": team, "as_of": as_of}
