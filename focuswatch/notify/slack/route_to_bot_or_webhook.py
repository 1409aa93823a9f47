"""Choose between the Slack bot and an incoming webhook for the team of a notification or a scheduled message."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import Refused
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.notify.slack.client import SlackClient
from focuswatch.notify.slack.deliver import SlackChannel, channel_name
from focuswatch.notify.slack.incoming_webhook import Webhook
from focuswatch.notify.slack.look_up_channel_ids import Channels
from focuswatch.notify.slack.message_poster_protocol import Payload
from focuswatch.notify.slack.post_once import OncePoster, PostedOnce
from focuswatch.owners.finding_addresses import notified_team
from focuswatch.owners.owners_file import Owners


@dataclass
class SlackRoutes:
    """Delivers to a team through its webhook if it has one, and otherwise through the bot (None: no bot)."""

    bot: SlackChannel | None
    webhook: Callable[[str], SlackChannel]  # creates the delivery for a webhook URL
    urls: Mapping[str, str]  # by team; for FinOps, by the name of its channel
    owners: Owners
    catalog: Catalog
    _channels: dict[str, SlackChannel] = field(default_factory=dict)

    def deliver(self, delivery: QueuedNotification) -> str | None:
        """Deliver through the webhook or the bot; see SlackChannel.deliver."""
        team = notified_team(delivery.finding, owners=self.owners, catalog=self.catalog)
        name = _key_of_webhook(team, owners=self.owners)
        if name is not None and name in self.urls:
            if name not in self._channels:
                self._channels[name] = self.webhook(self.urls[name])
            return self._channels[name].deliver(delivery)
        if self.bot is None:
            if channel_name(delivery.finding, owners=self.owners, catalog=self.catalog) is None:
                return None
            raise _no_route(name)
        return self.bot.deliver(delivery)

    def flush(self) -> dict[str, Exception]:
        """Send the digests of all channels; see SlackChannel.flush."""
        failed: dict[str, Exception] = {}
        for channel in (self.bot, *self._channels.values()):
            if channel:
                failed.update(channel.flush())
        return failed


@dataclass(frozen=True)
class ScheduledMessages:
    """Posts named messages, such as the weekly digest, once to the Slack channel of a team or of FinOps.

    Through a webhook, a message whose post had an unknown outcome is posted again, so it can appear twice.
    """

    bot: SlackClient | None
    webhook: Callable[[str], Webhook]  # creates the poster for a webhook URL
    urls: Mapping[str, str]  # by team; for FinOps, by the name of its channel
    owners: Owners
    channels: Callable[[SlackClient], Channels]
    claims: Claims[PostedOnce]
    clock: Callable[[], float]

    def can_post_to(self, team: str | None) -> bool:
        """Return whether `team` (None: FinOps) has a Slack channel, and a webhook or the bot to post to it."""
        return self.owners.slack_channel(team) is not None and (self._url(team) or self.bot) is not None

    def post(self, name: str, message: Payload, *, team: str | None) -> bool:
        """Post the message to `team` (None: FinOps). Return False if it was posted before.

        Raises TryLater, Unsure or Refused, the latter too if there is neither a webhook nor a bot.
        """
        channel, url = self.owners.slack_channel(team), self._url(team)
        if channel is not None and url is not None:
            return OncePoster(self.webhook(url), self.claims, self.clock).post(name, message, channel=channel)
        if channel is None or self.bot is None:
            raise _no_route(team or channel)
        id = self.channels(self.bot).id(channel)
        return OncePoster(self.bot, self.claims, self.clock).post(name, message, channel=id)

    def _url(self, team: str | None) -> str | None:
        return self.urls.get(_key_of_webhook(team, owners=self.owners) or "")


def _key_of_webhook(team: str | None, *, owners: Owners) -> str | None:
    """Return the key in the Slack secret: the team, or the name of the FinOps channel if there is no team."""
    return team or owners.slack_channel(None)


def _no_route(name: str | None) -> Refused:
    return Refused(
        f"{name} has no webhook, and the Slack secret has no bot token. "
        "Store a webhook or a bot token in the Slack secret."
    )
