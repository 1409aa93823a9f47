"""Each address of a channel gets every notification once and in order, even if other addresses fail."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from moto import mock_aws

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import Refused, TryLater, Unsure
from focuswatch.notify.collect_and_post_slack_and_teams_digests import SECONDS_WITHOUT_CHANGE, DigestState
from focuswatch.notify.deliver_once_to_each_address import AddressChannel, AddressState
from focuswatch.notify.delivery_claims_and_state import LEASE_SECONDS, Claims
from focuswatch.notify.digests_for_post_only_channels import AddressDigests
from focuswatch.owners.owners_file import Owners
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding
from tests.given.slack_world import notification

TWO_CHANNELS = {"channels": [{"to": "teams:search"}, {"to": "teams:night", "least_severity": "critical"}]}
FINDING = finding(team="search", cost="20000")  # critical
CATALOG = Catalog.load()


@dataclass
class RecordingSender:
    """A sender without HTTP that records what each address received; an address first raises its `errors`."""

    received: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    previous: list[int | None] = field(default_factory=list)
    unsure: list[bool] = field(default_factory=list)
    errors: dict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))

    def send(self, delivery, *, address, previous, unsure):
        if self.errors[address]:
            raise self.errors[address].pop(0)
        self.received[address].append(delivery.notification_id.rpartition("-")[2] + " " + delivery.kind)
        self.previous.append(previous and previous.number)
        self.unsure.append(unsure)
        return f"sent to {address}"

    def send_digest(self, lines, *, address, team, as_of):
        if self.errors[address]:
            raise self.errors[address].pop(0)
        self.received[address].append(f"digest of {len(lines)} for {team}")


@dataclass
class World:
    table: object
    now: float = 1_800_000_000.0
    sender: RecordingSender = field(default_factory=RecordingSender)
    team: dict = field(default_factory=lambda: TWO_CHANNELS)

    def channel(self):
        claims = Claims(self.table, channel="teams", model=AddressState, clock=lambda: self.now)
        owners = Owners.model_validate({"teams": {"search": self.team}})
        digest_claims = Claims(self.table, channel="teams digests", model=DigestState, clock=lambda: self.now)
        digests = AddressDigests(
            self.table, kind="teams", sender=self.sender, claims=digest_claims, clock=lambda: self.now
        )
        return AddressChannel("teams", self.sender, claims, owners, CATALOG, digests)

    def deliver(self, kind="new", *, number=1, about=FINDING, **more):
        return self.channel().deliver(notification(about, kind, number=number, **more))


@pytest.fixture
def world():
    with mock_aws():
        yield World(ledger_table())


def test_each_address_gets_each_notification_once(world):
    """SQS delivers at least once."""
    outcome = world.deliver()
    assert outcome.endswith("-1: new, sent to search; sent to night")
    assert world.deliver() is None
    world.deliver("changed", number=2)
    assert world.deliver("changed", number=2) is None
    assert world.sender.received == {"search": ["1 new", "2 changed"], "night": ["1 new", "2 changed"]}
    assert world.sender.previous == [None, None, 1, 1]


def test_a_failing_address_does_not_stop_the_others_and_is_retried_alone(world):
    """The state is stored after each request."""
    world.sender.errors["search"] = [TryLater("busy", seconds=5)]
    with pytest.raises(TryLater):
        world.deliver()
    world.deliver()
    assert world.sender.received == {"night": ["1 new"], "search": ["1 new"]}


def test_a_refused_address_is_a_dead_letter_and_the_others_are_served(world):
    """The operator corrects the secret and redrives the dead letter."""
    world.sender.errors["search"] = [Refused("no key search")]
    with pytest.raises(Refused, match="no key search"):
        world.deliver()
    assert world.sender.received["night"] == ["1 new"]
    world.deliver()
    assert world.sender.received == {"night": ["1 new"], "search": ["1 new"]}


def test_an_unknown_outcome_takes_precedence_over_a_refusal(world):
    """A dead letter is not retried, so no log would state whether the other message was sent."""
    world.sender.errors |= {"search": [Refused("no")], "night": [Unsure("no response")]}
    with pytest.raises(Unsure):
        world.deliver()
    world.now += LEASE_SECONDS + 1
    world.deliver()
    assert world.sender.unsure == [True, True]


def test_notifications_arrive_in_order(world):
    """The second notification waits for the first."""
    with pytest.raises(TryLater, match="arrived before the previous notification"):
        world.deliver("changed", number=2)
    world.deliver()
    world.deliver("changed", number=2)
    assert world.sender.received["search"] == ["1 new", "2 changed"]


def test_a_finding_that_rises_to_the_severity_of_a_channel_is_sent_there_at_once(world):
    """It does not wait for an earlier notification, because that channel got none."""
    mild = finding(team="search", cost="200")
    world.deliver(about=mild)
    world.deliver("changed", number=2, about=mild.model_copy(update={"severity": "critical"}))
    assert world.sender.received == {"search": ["1 new", "2 changed"], "night": ["2 changed"]}


def test_the_resolution_is_sent_to_every_address_where_the_finding_is_open(world):
    """Otherwise an incident would stay open forever after a change of owners.toml."""
    world.deliver()
    world.team = {"channel": "teams:other"}
    world.deliver("changed", number=2, about=FINDING.model_copy(update={"monthly_cost": Decimal(90_000)}))
    world.sender.errors["night"] = [Refused("no key night")]  # removed from the secret too
    outcome = world.deliver("resolved", number=3)
    assert world.sender.received["search"] == ["1 new", "3 resolved"]
    assert world.sender.received["other"] == ["2 changed", "3 resolved"]
    assert "not sent to night, which owners.toml no longer contains: no key night" in outcome


def test_a_finding_for_another_channel_is_recorded_without_a_request(world):
    """Otherwise the first notification after a change of channel would wait for this one."""
    world.team = {"channel": "#team-search"}
    assert world.deliver() is None
    world.team = TWO_CHANNELS
    world.deliver("changed", number=2)
    assert world.sender.received["search"] == ["2 changed"]


def deliver_batch(world, *deliveries):
    """Deliver a batch and send its digests. Return the errors by notification id."""
    channel = world.channel()
    for one in deliveries:
        channel.deliver(one)
    return channel.flush()


def test_findings_beyond_a_teams_limit_are_one_digest_after_the_last_has_arrived(world):
    """A channel that can only post cannot add to a digest later."""
    deliveries = [
        notification(finding(resource=f"r{number}", team="search", cost="200"), in_digest=True)
        for number in range(3)
    ]
    assert {type(error) for error in deliver_batch(world, *deliveries).values()} == {TryLater}
    world.now += SECONDS_WITHOUT_CHANGE + 1
    world.sender.errors["search"] = [TryLater("busy", seconds=5)]
    assert len(deliver_batch(world, *deliveries)) == 3
    assert deliver_batch(world, *deliveries) == {}
    assert deliver_batch(world, *deliveries) == {}
    assert world.sender.received == {"search": ["digest of 3 for search"]}


def test_a_finding_of_a_digest_gets_a_separate_message_with_its_next_change(world):
    """For the address, the finding is new: the message does not refer to a previous one."""
    deliver_batch(world, notification(FINDING, in_digest=True))
    world.deliver("changed", number=2)
    assert world.sender.received["search"] == ["2 changed"]
    assert world.sender.previous[0] is None
    deliver_batch(world, notification(FINDING, "resolved", number=3, in_digest=True))
    assert world.sender.received["search"] == ["2 changed", "3 resolved"]
