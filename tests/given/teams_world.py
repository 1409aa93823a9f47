"""Delivery to a local Microsoft Teams, with a clock that tests set."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.notify.collect_and_post_slack_and_teams_digests import DigestState
from focuswatch.notify.deliver_once_to_each_address import AddressChannel, AddressState
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.digests_for_post_only_channels import AddressDigests
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.notify.record_response_once import ResponseLedger
from focuswatch.notify.space_messages_to_a_destination import MessageRateLimit
from focuswatch.notify.teams.client import TeamsWebhooks
from focuswatch.notify.teams.deliver import TeamsSender
from focuswatch.notify.teams.parse_teams_secret import TeamsSecret
from focuswatch.notify.teams.record_link_response_and_notify_channel import LinkRecorder
from focuswatch.owners.owners_file import Owners
from tests.fakes.dynamodb_in_memory import MemoryTable
from tests.fakes.local_json_service import serving
from tests.fakes.local_teams import LocalTeams
from tests.fakes.waiting import patience
from tests.given.slack_world import MORNING

SECRET = "s" * 40
LINK_URL = "https://links.lambda-url.eu-west-1.on.aws/"
PATHS = {"/workflows/1/invoke?sig=abc": "search", "/workflows/2/invoke?sig=def": "finops"}
OWNERS = Owners.model_validate(
    {
        "routing": {"fallback_channel": "teams:finops"},
        "teams": {"search": {"channel": "teams:search"}},
    }
)
CATALOG = Catalog.load()


@dataclass
class TeamsWorld:
    """A Teams with the channels of PATHS, the ledger's table, and a clock."""

    server: LocalTeams
    table: Any
    now: float = MORNING
    owners: Owners = OWNERS
    read_seconds: float = field(default_factory=lambda: patience(1))

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def sender(self) -> TeamsSender:
        webhooks = {name: self.server.url(name) for name in self.server.channels.values()}
        pace = MessageRateLimit(self.table, channel="teams", clock=self.clock, sleep=self.sleep)
        secret = TeamsSecret(webhooks=webhooks, signing_secret=SECRET)
        return TeamsSender(TeamsWebhooks(secret, pace, read_seconds=self.read_seconds), LINK_URL, self.clock)

    def channel(self) -> AddressChannel:
        """Return a channel for a new batch."""
        sender = self.sender()
        claims = Claims(self.table, channel="teams", model=AddressState, clock=self.clock)
        gathered = Claims(self.table, channel="teams digests", model=DigestState, clock=self.clock)
        digests = AddressDigests(self.table, kind="teams", sender=sender, claims=gathered, clock=self.clock)
        return AddressChannel("teams", sender, claims, self.owners, CATALOG, digests)

    def recorder(self) -> LinkRecorder:
        """Return a recorder for a new batch of responses."""
        responses = ResponseLedger(DynamoLedger(self.table), self.table)
        return LinkRecorder(responses, self.sender(), self.owners, CATALOG, self.clock)

    def deliver(self, *deliveries: QueuedNotification) -> list[str | None]:
        """Deliver one batch, and send its digests."""
        channel = self.channel()
        done = [channel.deliver(one) for one in deliveries]
        for error in channel.flush().values():
            raise error
        return done


@contextmanager
def teams_world(**options: Any) -> Iterator[TeamsWorld]:
    """Yield a world with a Teams without messages."""
    world = TeamsWorld(None, MemoryTable(), **options)  # type: ignore[arg-type]  # the server needs its clock
    with serving(LocalTeams(dict(PATHS), world.clock)) as world.server:
        yield world
