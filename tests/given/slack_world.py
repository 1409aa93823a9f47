"""Delivery to a local Slack, in batches as in the function, with a clock that tests set."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import ceil
from typing import Any

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.findings.finding import Finding
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.ledger.notification_and_pending_notification_models import NotificationKind
from focuswatch.notify.collect_and_post_slack_and_teams_digests import (
    SECONDS_WITHOUT_CHANGE,
    Digests,
    DigestState,
)
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.notify.slack.authorize_and_record_response import ResponseRecorder
from focuswatch.notify.slack.client import SlackClient
from focuswatch.notify.slack.combined_message_for_many_findings import render_digest
from focuswatch.notify.slack.deliver import SlackChannel
from focuswatch.notify.slack.finding_message import Links
from focuswatch.notify.slack.incoming_webhook import Webhook
from focuswatch.notify.slack.look_up_channel_ids import Channels
from focuswatch.notify.slack.message_state_model import SlackState
from focuswatch.notify.slack.post_once import PostedOnce
from focuswatch.notify.slack.route_to_bot_or_webhook import ScheduledMessages, SlackRoutes
from focuswatch.notify.space_messages_to_a_destination import MessageRateLimit
from focuswatch.owners.owners_file import Owners
from tests.fakes.dynamodb_in_memory import MemoryTable
from tests.fakes.local_slack import LocalSlack, local_slack
from tests.fakes.slack_workspace import Channel
from tests.fakes.waiting import patience

OWNERS = Owners.model_validate({"teams": {"search": {"channel": "#team-search"}}})
MORNING = datetime(2026, 3, 31, 8, tzinfo=UTC).timestamp()
CATALOG = Catalog.load()


class Killed(BaseException):
    """The process was killed."""


@dataclass
class Steps:
    """Counts external calls, and kills the process at one of them."""

    kill_before: int | None = None
    kill_after: int | None = None
    taken: int = 0

    def watched(self, target: Any, names: tuple[str, ...]) -> Any:
        """Return `target` with each call of `names`, which must be methods of it, counted as a step."""
        missing = [name for name in names if not hasattr(target, name)]
        assert not missing, f"{type(target).__name__} has no {', '.join(missing)}"
        steps = self

        class Watched:
            def __getattr__(self, name: str) -> Any:
                attribute = getattr(target, name)
                return steps._step(attribute) if name in names else attribute

        return Watched()

    def _step(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **named: Any) -> Any:
            self.taken += 1
            if self.taken == self.kill_before:
                raise Killed
            result = call(*args, **named)
            result = list(result) if isinstance(result, Iterator) else result
            if self.taken == self.kill_after:
                raise Killed
            return result

        return stepped


@dataclass
class SlackWorld:
    """A Slack with the channels of `OWNERS`, the ledger's table, and a clock."""

    server: LocalSlack
    table: Any
    now: float = MORNING
    owners: Owners = OWNERS
    steps: Steps = field(default_factory=Steps)
    timeout_seconds: int = field(default_factory=lambda: ceil(patience(1)))  # of the client

    @property
    def team(self) -> Channel:
        """Return the channel of the team search."""
        return self.server.workspace.named("#team-search", by_name=True)

    @property
    def finops(self) -> Channel:
        """Return the fallback channel."""
        return self.server.workspace.named("#finops", by_name=True)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def slack(self) -> SlackClient:
        pace = MessageRateLimit(self.table, channel="slack", clock=self.clock, sleep=self.sleep)
        return SlackClient(
            self.server.token, pace=pace, base_url=self.server.api, timeout_seconds=self.timeout_seconds
        )

    def channel(self) -> SlackChannel:
        """Return a channel for a new batch."""
        table = self.steps.watched(self.table, ("get_item", "put_item", "update_item", "query"))
        slack = self.steps.watched(self.slack(), ("post", "update", "delete", "own_messages", "replies"))
        claims = Claims(table, channel="slack", model=SlackState, clock=self.clock)
        gathered = Claims(table, channel="slack digests", model=DigestState, clock=self.clock)
        return SlackChannel(
            slack=slack,
            claims=claims,
            channels=Channels(self.table, slack),
            digests=Digests(table, gathered, self.clock, render_digest),
            owners=self.owners,
            catalog=CATALOG,
            links=lambda _finding: Links(),
            clock=self.clock,
        )

    def recorder(self) -> ResponseRecorder:
        """Return a recorder for a new batch of responses."""
        return ResponseRecorder(
            self.slack(), self.channel(), DynamoLedger(self.table), self.table, self.clock
        )

    def webhook_routes(self, catalog: Catalog = CATALOG, *, bot: SlackChannel | None = None) -> SlackRoutes:
        """Return the routes for a new batch; the team search and FinOps have a webhook."""
        pace = MessageRateLimit(self.table, channel="slack", clock=self.clock, sleep=self.sleep)

        def channel(url: str) -> SlackChannel:
            hook = Webhook(url, pace, timeout_seconds=1)
            bot_channel = self.channel()
            digests = replace(bot_channel.digests, seconds_without_change=SECONDS_WITHOUT_CHANGE)
            return replace(
                bot_channel,
                slack=hook,
                channels=Channels(self.table, hook),
                digests=digests,
                threads=False,
            )

        urls = {"search": self.server.webhook(self.team), "#finops": self.server.webhook(self.finops)}
        return SlackRoutes(bot, channel, urls, self.owners, catalog)

    def scheduled_messages(self, *, with_bot: bool) -> ScheduledMessages:
        """Return the scheduled messages of a deployment in which only the team search has a webhook."""
        pace = MessageRateLimit(self.table, channel="slack", clock=self.clock, sleep=self.sleep)
        return ScheduledMessages(
            bot=self.slack() if with_bot else None,
            webhook=lambda url: Webhook(url, pace, timeout_seconds=1),
            urls={"search": self.server.webhook(self.team)},
            owners=self.owners,
            channels=lambda slack: Channels(self.table, slack),
            claims=Claims(self.table, channel="slack said", model=PostedOnce, clock=self.clock),
            clock=self.clock,
        )

    def deliver(self, *deliveries: QueuedNotification) -> list[str | None]:
        """Deliver one batch, and send its digests."""
        channel = self.channel()
        done = [channel.deliver(one) for one in deliveries]
        for error in channel.flush().values():
            raise error
        return done


@contextmanager
def slack_world(**options: Any) -> Iterator[SlackWorld]:
    """Yield a world with an empty Slack."""
    world = SlackWorld(None, MemoryTable(), **options)  # type: ignore[arg-type]  # the server needs its clock
    with local_slack(clock=world.clock) as world.server:
        for name in ("#team-search", "#finops"):
            world.server.workspace.channel(name, members=["U0ANNA"])
        yield world


def notification(
    finding: Finding, kind: NotificationKind = "new", *, number: int = 1, first: bool = False, **more: Any
) -> QueuedNotification:
    """Return a notification, by default the one that follows the previous number; `first` is the finding's first."""
    status = {"reminder": "open", "saving_verified": "resolved"}.get(kind, kind)
    changed = finding.model_copy(update={"status": status})
    follows = number - 1 if number > 1 and not first else None
    return QueuedNotification(
        changed, kind, number, follows, **{"in_digest": False, "age_seconds": 0.0, **more}
    )
