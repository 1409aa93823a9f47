"""An incoming webhook in place of the Web API: it can post, and nothing else.

What it posted it can neither edit, nor thread, nor find again. So every change is a message of its own, and where
nobody knows how a post ended it is posted again: at least once, where the Web API makes it exactly once.
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from focuswatch.catalog.catalog import Catalog
from focuswatch.errors import Refused, TryLater, Unsure
from focuswatch.notify.pacing import MessagePacing
from focuswatch.notify.queue_message import QueuedNotification
from focuswatch.notify.retry_after import retry_after
from focuswatch.notify.slack.client import RETRY_SECONDS, TIMEOUT_SECONDS, FoundMessage, Payload
from focuswatch.notify.slack.deliver import SlackChannel, notified_team
from focuswatch.notify.slack.finding_message import webhook_payload
from focuswatch.owners.owners_file import Owners

QUIET_SECONDS = 120.0  # so long nothing is added to a digest before it is posted: it cannot be edited
POSTED = "posted"  # in place of a ts, which a webhook does not tell


@dataclass(frozen=True)
class Webhook:
    """The methods of `client.Slack` that an incoming webhook supports; it has one channel, whose id is unknown."""

    url: str
    pace: MessagePacing
    timeout_seconds: int = TIMEOUT_SECONDS
    has_channel_ids: bool = False

    def post(self, channel: str, message: Payload, *, thread: str | None = None, loud: bool = False) -> str:
        """Post it, whatever the thread. Raises TryLater, Unsure or Refused."""
        from slack_sdk.webhook import WebhookClient

        self.pace.wait(channel)
        plain = webhook_payload(dict(message))
        client = WebhookClient(self.url, timeout=self.timeout_seconds, retry_handlers=[])
        try:
            answer = client.send(text=plain["text"], blocks=plain["blocks"], unfurl_links=False)
        except OSError as error:
            raise Unsure(f"the webhook of {channel} gave no answer: {error}") from error
        if answer.status_code == 429:
            seconds = retry_after(answer.headers, otherwise=RETRY_SECONDS)
            self.pace.pause(channel, seconds=seconds)
            raise TryLater(f"Slack wants a pause before the webhook of {channel}", seconds=seconds)
        if answer.status_code >= 500:
            raise Unsure(f"the webhook of {channel} failed ({answer.status_code})")
        if answer.status_code != 200:
            raise Refused(
                f"the webhook of {channel} refused: {answer.status_code} {answer.body}; make a new one."
            )
        return POSTED

    def update(self, channel: str, ts: str, message: Payload) -> None:
        """What a webhook posted stays as it is: say it anew."""
        self.post(channel, message)

    def delete(self, channel: str, ts: str) -> None:
        """What a webhook posted stays."""

    def own_messages(self, channel: str, *, since: float) -> Iterator[FoundMessage]:
        """A webhook reads nothing."""
        return iter(())

    def replies(self, channel: str, ts: str) -> Iterator[FoundMessage]:
        """A webhook reads nothing."""
        return iter(())

    def channel_id(self, name: str) -> str:
        """Not asked: see `has_channel_ids`."""
        return name


@dataclass
class SlackRoutes:
    """Tells teams that have a webhook through it, and all others through the bot; `bot` is None where there is none."""

    bot: SlackChannel | None
    webhook: Callable[[str], SlackChannel]  # by its URL
    urls: Mapping[str, str]  # by team; FinOps' by the name of its channel
    owners: Owners
    catalog: Catalog
    _made: dict[str, SlackChannel] = field(default_factory=dict)

    def deliver(self, delivery: QueuedNotification) -> str | None:
        """See SlackChannel.tell."""
        team = notified_team(delivery.finding, owners=self.owners, catalog=self.catalog)
        name = team or self.owners.routing.fallback_channel
        if name in self.urls:
            if name not in self._made:
                self._made[name] = self.webhook(self.urls[name])
            return self._made[name].deliver(delivery)
        if self.bot is None:
            raise Refused(f"{name} has no webhook and there is no bot token; put one into Slack's secret.")
        return self.bot.deliver(delivery)

    def flush(self) -> dict[str, Exception]:
        """See SlackChannel.flush."""
        failed: dict[str, Exception] = {}
        for one in (self.bot, *self._made.values()):
            if one:
                failed.update(one.flush())
        return failed
