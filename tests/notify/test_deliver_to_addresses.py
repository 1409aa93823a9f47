"""Delivery to the addresses of a kind: each gets each notification once and in order, whatever the others do."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from moto import mock_aws

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import Refused, TryLater, Unsure
from focuswatch.notify.deliver_to_addresses import AddressChannel, AddressState
from focuswatch.notify.delivery_claims_and_state import LEASE_SECONDS, Claims
from focuswatch.notify.post_only_digests import AddressDigests
from focuswatch.notify.slack.digest_queue import DigestState
from focuswatch.notify.slack.incoming_webhook import QUIET_SECONDS
from focuswatch.owners.owners_file_and_assignment import Owners
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding
from tests.given.slack_world import notification

TWO = {"channels": [{"to": "teams:search"}, {"to": "teams:night", "least_severity": "critical"}]}
FINDING = finding(team="search", cost="20000")  # critical
CATALOG = Catalog.load()


@dataclass
class Recorded:
    """A channel without HTTP: what each address got, and what it fails with next."""

    got: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    previous: list[int | None] = field(default_factory=list)
    unsure: list[bool] = field(default_factory=list)
    errors: dict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))

    def send(self, delivery, *, address, previous, unsure):
        if self.errors[address]:
            raise self.errors[address].pop(0)
        self.got[address].append(delivery.news_id.rpartition("-")[2] + " " + delivery.kind)
        self.previous.append(previous and previous.number)
        self.unsure.append(unsure)
        return f"sent to {address}"

    def send_digest(self, lines, *, address, team, as_of):
        if self.errors[address]:
            raise self.errors[address].pop(0)
        self.got[address].append(f"digest of {len(lines)} for {team}")


@dataclass
class World:
    table: object
    now: float = 1_800_000_000.0
    sender: Recorded = field(default_factory=Recorded)
    team: dict = field(default_factory=lambda: TWO)

    def channel(self):
        claims = Claims(self.table, channel="teams", model=AddressState, clock=lambda: self.now)
        owners = Owners.model_validate({"teams": {"search": self.team}})
        gathered = Claims(self.table, channel="teams digests", model=DigestState, clock=lambda: self.now)
        digests = AddressDigests(
            self.table, kind="teams", sender=self.sender, claims=gathered, clock=lambda: self.now
        )
        return AddressChannel("teams", self.sender, claims, owners, CATALOG, digests)

    def deliver(self, kind="new", *, number=1, given=FINDING, **more):
        return self.channel().deliver(notification(given, kind, number=number, **more))


@pytest.fixture
def world():
    with mock_aws():
        yield World(ledger_table())


def test_each_address_gets_each_notification_once(world):
    """A queue delivers at least once."""
    said = world.deliver()
    assert said.endswith("-1: new, sent to search; sent to night")
    assert world.deliver() is None
    world.deliver("changed", number=2)
    assert world.deliver("changed", number=2) is None
    assert world.sender.got == {"search": ["1 new", "2 changed"], "night": ["1 new", "2 changed"]}
    assert world.sender.previous == [None, None, 1, 1]


def test_a_failing_address_does_not_stop_the_others_and_is_retried_alone(world):
    """The state is stored after each request."""
    world.sender.errors["search"] = [TryLater("busy", seconds=5)]
    with pytest.raises(TryLater):
        world.deliver()
    world.deliver()
    assert world.sender.got == {"night": ["1 new"], "search": ["1 new"]}


def test_a_refused_address_is_a_dead_letter_and_the_others_are_served(world):
    """The operator corrects the secret, and redrives."""
    world.sender.errors["search"] = [Refused("no key search")]
    with pytest.raises(Refused, match="no key search"):
        world.deliver()
    assert world.sender.got["night"] == ["1 new"]
    world.deliver()
    assert world.sender.got == {"night": ["1 new"], "search": ["1 new"]}


def test_an_unknown_outcome_decides_over_a_refusal(world):
    """A dead letter would leave open whether the message exists."""
    world.sender.errors |= {"search": [Refused("no")], "night": [Unsure("no response")]}
    with pytest.raises(Unsure):
        world.deliver()
    world.now += LEASE_SECONDS + 1
    world.deliver()
    assert world.sender.unsure == [True, True]


def test_notifications_arrive_in_order(world):
    """The second waits for the first."""
    with pytest.raises(TryLater, match="arrived before the previous notification"):
        world.deliver("changed", number=2)
    world.deliver()
    world.deliver("changed", number=2)
    assert world.sender.got["search"] == ["1 new", "2 changed"]


def test_a_finding_that_rises_to_the_severity_of_a_channel_is_sent_there_at_once(world):
    """Without a wait for its first notification, which that channel did not get."""
    mild = finding(team="search", cost="200")
    world.deliver(given=mild)
    world.deliver("changed", number=2, given=mild.model_copy(update={"severity": "critical"}))
    assert world.sender.got == {"search": ["1 new", "2 changed"], "night": ["2 changed"]}


def test_where_a_finding_is_open_its_resolution_is_sent_whatever_owners_toml_says_now(world):
    """Else an incident would stay open for ever."""
    world.deliver()
    world.team = {"channel": "teams:other"}
    world.deliver("changed", number=2, given=FINDING.model_copy(update={"monthly_cost": Decimal(90_000)}))
    world.sender.errors["night"] = [Refused("no key night")]  # gone from the secret as well
    said = world.deliver("resolved", number=3)
    assert world.sender.got["search"] == ["1 new", "3 resolved"]
    assert world.sender.got["other"] == ["2 changed", "3 resolved"]
    assert "not sent to night, which owners.toml no longer contains: no key night" in said


def test_a_finding_of_another_kind_of_channel_is_noted_without_a_request(world):
    """So that a later change of its channel need not wait."""
    world.team = {"channel": "#team-search"}
    assert world.deliver() is None
    world.team = TWO
    world.deliver("changed", number=2)
    assert world.sender.got["search"] == ["2 changed"]


def batch(world, *deliveries):
    """Deliver a batch and send its digests. Return the errors by notification id."""
    channel = world.channel()
    for one in deliveries:
        channel.deliver(one)
    return channel.flush()


def test_findings_beyond_a_teams_limit_are_one_digest_once_no_more_arrive(world):
    """A digest of a channel that can only post cannot be completed later."""
    many = [
        notification(finding(resource=f"r{number}", team="search", cost="200"), in_digest=True)
        for number in range(3)
    ]
    assert {type(error) for error in batch(world, *many).values()} == {TryLater}
    world.now += QUIET_SECONDS + 1
    world.sender.errors["search"] = [TryLater("busy", seconds=5)]
    assert len(batch(world, *many)) == 3
    assert batch(world, *many) == {}
    assert batch(world, *many) == {}
    assert world.sender.got == {"search": ["digest of 3 for search"]}


def test_a_finding_of_a_digest_gets_a_message_of_its_own_with_its_next_change(world):
    """As if it were new to the address."""
    batch(world, notification(FINDING, in_digest=True))
    world.deliver("changed", number=2)
    assert world.sender.got["search"] == ["2 changed"]
    assert world.sender.previous[0] is None
    batch(world, notification(FINDING, "resolved", number=3, in_digest=True))
    assert world.sender.got["search"] == ["2 changed", "3 resolved"]
