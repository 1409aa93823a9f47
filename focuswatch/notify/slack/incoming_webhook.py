"""Post to Slack through incoming webhooks, which can only post.

A webhook can neither edit, reply nor read. So every change is a new message, and a post with an unknown outcome is
repeated. Delivery is therefore at least once, whereas it is exactly once with the Web API.
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from focuswatch.errors import Refused, TryLater
from focuswatch.notify.post_json_without_retry import post_json
from focuswatch.notify.slack.client import TIMEOUT_SECONDS
from focuswatch.notify.slack.message_poster_protocol import NO_TIMESTAMP, FoundMessage, Payload
from focuswatch.notify.space_messages_to_a_destination import MessageRateLimit


@dataclass(frozen=True)
class Webhook:
    """A Poster for an incoming webhook, which posts to one channel whose id is unknown."""

    url: str
    pace: MessageRateLimit
    timeout_seconds: int = TIMEOUT_SECONDS
    has_channel_ids: bool = False

    def post(
        self, channel: str, message: Payload, *, thread: str | None = None, also_in_channel: bool = False
    ) -> str:
        """Post the message; `thread` is ignored. Raises TryLater, Unsure or Refused."""
        self.pace.wait(channel)
        body = {**webhook_payload(dict(message)), "unfurl_links": False}
        try:
            post_json(self.url, body, to=f"the webhook of {channel}", read_seconds=self.timeout_seconds)
        except TryLater as error:
            self.pace.pause(channel, seconds=error.seconds)
            raise
        except Refused as error:
            reason = str(error).rstrip(".")
            raise Refused(f"{reason}. Create a new webhook and store its URL in the Slack secret.") from error
        return NO_TIMESTAMP

    def update(self, channel: str, ts: str, message: Payload) -> None:
        """Post the new content as another message, because a webhook cannot edit."""
        self.post(channel, message)

    def delete(self, channel: str, ts: str) -> None:
        """Do nothing, because a webhook cannot delete."""

    def own_messages(self, channel: str, *, since: float) -> Iterator[FoundMessage]:
        """Yield nothing, because a webhook cannot read."""
        return iter(())

    def replies(self, channel: str, ts: str) -> Iterator[FoundMessage]:
        """Yield nothing, because a webhook cannot read."""
        return iter(())

    def channel_id(self, name: str) -> str:
        """Return the name; never called, because `has_channel_ids` is False."""
        return name


def webhook_payload(message: dict[str, Any]) -> dict[str, Any]:
    """Return the message for an incoming webhook, which supports neither metadata nor buttons."""
    return {
        "text": message["text"],
        "blocks": [block for block in message["blocks"] if block["type"] != "actions"],
    }
