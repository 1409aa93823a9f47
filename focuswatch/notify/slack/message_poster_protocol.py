"""The operations that delivery to Slack needs, implemented by the Web API client and by incoming webhooks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from focuswatch.errors import Refused

Payload = Mapping[str, Any]
NO_TIMESTAMP = "posted"  # in place of the ts of a message that was posted by a channel that can only post


class MessageGone(Refused):
    """The message no longer exists or cannot be edited; post it again."""


@dataclass(frozen=True)
class FoundMessage:
    """A message in a channel that the app posted; `payload` is from its metadata."""

    ts: str
    event_type: str
    payload: Mapping[str, str]


class Poster(Protocol):
    """The operations that delivery needs, through the Web API or a webhook. They raise TryLater, Unsure or Refused."""

    @property
    def has_channel_ids(self) -> bool:
        """Whether `channel_id` can look up the ids of channels."""
        ...

    def post(
        self, channel: str, message: Payload, *, thread: str | None = None, also_in_channel: bool = False
    ) -> str:
        """Post a message. Return its ts. `also_in_channel`: show a reply in the channel too."""
        ...

    def update(self, channel: str, ts: str, message: Payload) -> None:
        """Replace the content of a message that the app posted."""
        ...

    def delete(self, channel: str, ts: str) -> None:
        """Delete a message that the app posted."""
        ...

    def own_messages(self, channel: str, *, since: float) -> Iterator[FoundMessage]:
        """Yield the app's messages in a channel, newest first, without replies; `since` in seconds since 1970."""
        ...

    def replies(self, channel: str, ts: str) -> Iterator[FoundMessage]:
        """Yield the app's messages in a thread."""
        ...

    def channel_id(self, name: str) -> str:
        """Return the id of `#name`."""
        ...
