"""Delivery to a local PagerDuty, with a clock that tests set."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.notify.deliver_once_to_each_address import AddressChannel, AddressState
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.pagerduty.apply_response_to_alert import PagerDutyResponses
from focuswatch.notify.pagerduty.client import PagerDuty
from focuswatch.notify.pagerduty.parse_pagerduty_secret import PagerDutySecret
from focuswatch.notify.pagerduty.trigger_and_resolve_alert import PagerDutySender
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.owners.owners_file import Owners
from tests.fakes.dynamodb_in_memory import MemoryTable
from tests.fakes.local_json_service import serving
from tests.fakes.local_pagerduty import LocalPagerDuty
from tests.fakes.waiting import patience
from tests.given.slack_world import MORNING

KEYS = {"oncall": "a" * 32, "night": "b" * 32}
OWNERS = Owners.model_validate({"teams": {"search": {"channel": "pagerduty:oncall"}}})
CATALOG = Catalog.load()


@dataclass
class PagerDutyWorld:
    """A PagerDuty with the services of KEYS, the ledger's table, and a clock."""

    server: LocalPagerDuty
    table: Any
    now: float = MORNING
    owners: Owners = OWNERS
    keys: dict[str, str] = field(default_factory=lambda: dict(KEYS))
    read_seconds: float = field(default_factory=lambda: patience(1))

    def clock(self) -> float:
        return self.now

    def client(self) -> PagerDuty:
        secret = PagerDutySecret(routing_keys=self.keys, api=self.server.address)
        return PagerDuty(secret, read_seconds=self.read_seconds)

    def claims(self) -> Claims[AddressState]:
        return Claims(self.table, channel="pagerduty", model=AddressState, clock=self.clock)

    def channel(self) -> AddressChannel:
        """Return a channel for a new batch."""
        sender = PagerDutySender(self.client())
        return AddressChannel("pagerduty", sender, self.claims(), self.owners, CATALOG)

    def responses(self) -> PagerDutyResponses:
        return PagerDutyResponses(self.client(), self.claims())

    def deliver(self, delivery: QueuedNotification) -> str | None:
        return self.channel().deliver(delivery)


@contextmanager
def pagerduty_world(**options: Any) -> Iterator[PagerDutyWorld]:
    """Yield a world with a PagerDuty without alerts."""
    services = {key: name for name, key in KEYS.items()}
    with serving(LocalPagerDuty(services)) as server:
        yield PagerDutyWorld(server, MemoryTable(), **options)
