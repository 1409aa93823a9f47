"""Delivery through an incoming webhook instead of the Web API: it can only post.

A webhook can neither edit, reply nor read. So every change is a new message, and a post with an unknown outcome is
repeated: delivery is at least once, while it is exactly once with the Web API.
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import Refused, TryLater, Unsure
from focuswatch.notify.pacing import MessagePacing
from focuswatch.notify.queued_notification_and_turn import QueuedNotification
from focuswatch.notify.retry_after import retry_after
from focuswatch.notify.slack.client import RETRY_SECONDS, TIMEOUT_SECONDS, FoundMessage, Payload
from focuswatch.notify.slack.deliver import SlackChannel, channel_name
from focuswatch.notify.slack.finding_message import webhook_payload
from focuswatch.owners.finding_addresses import notified_team
from focuswatch.owners.owners_file_and_assignment import Owners

QUIET_SECONDS = 120.0  # a digest is posted after this time without a new line: it cannot be edited
POSTED = "posted"  # instead of a ts, which a webhook does not return


@dataclass(frozen=True)
class Webhook:
    """A Poster for an incoming webhook; it has one channel, whose id is unknown."""

    url: str
    pace: MessagePacing
    timeout_seconds: int = TIMEOUT_SECONDS
    has_channel_ids: bool = False

    def post(self, channel: str, message: Payload, *, thread: str | None = None, loud: bool = False) -> str:
        """Post the message; `thread` is ignored. Raises TryLater, Unsure or Refused."""
        from slack_sdk.webhook import WebhookClient

        self.pace.wait(channel)
        plain = webhook_payload(dict(message))
        client = WebhookClient(self.url, timeout=self.timeout_seconds, retry_handlers=[])
        try:
            response = client.send(text=plain["text"], blocks=plain["blocks"], unfurl_links=False)
        except OSError as error:
            raise Unsure(f"the webhook of {channel} did not respond: {error}") from error
        if response.status_code == 429:
            seconds = retry_after(response.headers, otherwise=RETRY_SECONDS)
            self.pace.pause(channel, seconds=seconds)
            raise TryLater(f"Slack rate limit reached for the webhook of {channel}", seconds=seconds)
        if response.status_code >= 500:
            raise Unsure(f"the webhook of {channel} returned HTTP {response.status_code}")
        if response.status_code != 200:
            raise Refused(
                f"the webhook of {channel} returned {response.status_code} {response.body}. "
                "Create a new webhook and store it in the Slack secret."
            )
        return POSTED

    def update(self, channel: str, ts: str, message: Payload) -> None:
        """Post the new content: a webhook cannot edit."""
        self.post(channel, message)

    def delete(self, channel: str, ts: str) -> None:
        """Do nothing: a webhook cannot delete."""

    def own_messages(self, channel: str, *, since: float) -> Iterator[FoundMessage]:
        """Yield nothing: a webhook cannot read."""
        return iter(())

    def replies(self, channel: str, ts: str) -> Iterator[FoundMessage]:
        """Yield nothing: a webhook cannot read."""
        return iter(())

    def channel_id(self, name: str) -> str:
        """Return the name; not used, see `has_channel_ids`."""
        return name


@dataclass
class SlackRoutes:
    """Delivers to teams with a webhook through it, and to all others through the bot (None: no bot)."""

    bot: SlackChannel | None
    webhook: Callable[[str], SlackChannel]  # by its URL
    urls: Mapping[str, str]  # by team; FinOps' URL by the name of its channel
    owners: Owners
    catalog: Catalog
    _channels: dict[str, SlackChannel] = field(default_factory=dict)

    def deliver(self, delivery: QueuedNotification) -> str | None:
        """Deliver through the webhook or the bot; see SlackChannel.deliver."""
        team = notified_team(delivery.finding, owners=self.owners, catalog=self.catalog)
        name = team or self.owners.slack_channel(None)
        if name is not None and name in self.urls:
            if name not in self._channels:
                self._channels[name] = self.webhook(self.urls[name])
            return self._channels[name].deliver(delivery)
        if self.bot is None:
            if channel_name(delivery.finding, owners=self.owners, catalog=self.catalog) is None:
                return None
            raise Refused(
                f"{name} has no webhook, and the Slack secret has no bot token. "
                "Store a webhook or a bot token in the Slack secret."
            )
        return self.bot.deliver(delivery)

    def flush(self) -> dict[str, Exception]:
        """Send the digests of all channels; see SlackChannel.flush."""
        failed: dict[str, Exception] = {}
        for channel in (self.bot, *self._channels.values()):
            if channel:
                failed.update(channel.flush())
        return failed
