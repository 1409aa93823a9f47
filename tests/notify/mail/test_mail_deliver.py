"""Mail delivery over HTTP to a local SES that validates requests and fails on demand."""

import re
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from moto import mock_aws

from focuswatch.errors import Refused, TryLater, Unsure
from focuswatch.notify.deliver_once_to_each_address import AddressChannel, AddressState
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.mail.client import Ses
from focuswatch.notify.mail.collect_and_send_digests import MailDigests, MailDigestState
from focuswatch.notify.mail.daily_limit import DailyLimit
from focuswatch.notify.mail.send_finding_mail import MailSender
from focuswatch.notify.space_messages_to_a_destination import MessageRateLimit
from focuswatch.owners.owners_file import Owners
from tests.fakes.local_ses_securityhub import SENDER, local_rest_aws
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding as a_finding
from tests.given.slack_world import CATALOG, MORNING, notification

FINANCE, SEARCH = "finance@acme.example", "search@acme.example"


@dataclass
class MailWorld:
    aws: object
    table: object
    now: float = MORNING
    daily_limit: int = 20
    addresses: tuple = (FINANCE,)

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds

    def channel(self):
        """Return the channel of a new function run."""
        pace = MessageRateLimit(self.table, channel="email", clock=self.clock, sleep=self.sleep)
        ses = Ses(self.aws.client("sesv2"), SENDER, pace)
        digests = Claims(self.table, channel="email digests", model=MailDigestState, clock=self.clock)
        channels = [{"to": f"mailto:{address}"} for address in self.addresses]
        return AddressChannel(
            kind="email",
            sender=MailSender(ses, self.clock),
            claims=Claims(self.table, channel="email", model=AddressState, clock=self.clock),
            owners=Owners.model_validate({"teams": {"search": {"channels": channels}}}),
            catalog=CATALOG,
            digests=MailDigests(self.table, ses, digests, self.clock),
            has_room=DailyLimit(self.table, self.daily_limit, self.clock).allows,
        )

    def deliver(self, *deliveries):
        """Deliver one batch, and send its digests."""
        channel = self.channel()
        outcomes = [channel.deliver(one) for one in deliveries]
        for error in channel.flush().values():
            raise error
        return outcomes

    @property
    def subjects(self):
        return [one["Subject"]["Data"] for one in self.aws.mails]


@contextmanager
def mail_world():
    with mock_aws(), local_rest_aws() as aws:
        world = MailWorld(aws, ledger_table())
        aws.clock = world.clock
        yield world


def finding(**changes):
    """Return a finding of the team whose channels are the addresses."""
    return a_finding(team="search", **changes)


@pytest.fixture
def world():
    with mail_world() as world:
        yield world


def test_notification_is_mailed_once_to_each_address(world):
    world.addresses = (FINANCE, SEARCH)
    delivery = notification(finding())
    world.deliver(delivery)
    assert world.deliver(delivery) == [None]  # the queue redelivers it
    assert [one["to"] for one in world.aws.mails] == [FINANCE, SEARCH]
    headers = {one["Name"]: one["Value"] for one in world.aws.mails[0]["Headers"]}
    assert headers == {"Auto-Submitted": "auto-generated", "X-Focuswatch-Id": delivery.notification_id}


def test_change_states_the_previous_amount(world):
    world.deliver(notification(finding()))
    world.deliver(notification(finding(cost="900"), "changed", number=2))
    assert "Previously 346 USD/month" in world.aws.mails[1]["Body"]["Text"]["Data"]


def test_throttled_mail_is_sent_later(world):
    world.aws.faults.next.append("429")
    delivery = notification(finding())
    with pytest.raises(TryLater, match="Maximum sending rate"):
        world.deliver(delivery)
    world.now += 11
    world.deliver(delivery)
    assert len(world.aws.mails) == 1


def test_mail_that_ses_rejects_is_not_retried(world):
    world.aws.sandbox, world.addresses = True, ("someone@elsewhere.example",)
    with pytest.raises(Refused, match="In the SES sandbox, verify each recipient"):
        world.deliver(notification(finding()))
    assert not world.aws.mails


def test_rejected_address_does_not_block_the_others(world):
    world.aws.sandbox, world.addresses = True, ("someone@elsewhere.example", FINANCE)
    for _ in range(2):
        with pytest.raises(Refused):
            world.deliver(notification(finding()))
    assert [one["to"] for one in world.aws.mails] == [FINANCE]


@pytest.mark.parametrize("fault", ["dropped", "silent"])
def test_mail_with_an_unknown_outcome_is_sent_again(world, fault):
    """SES cannot tell whether it sent the mail, and a duplicate is better than a lost notification."""
    world.aws.faults.next.append(fault)
    delivery = notification(finding())
    with pytest.raises(Unsure):
        world.deliver(delivery)
    world.now += 31
    world.deliver(delivery)
    assert len(world.aws.mails) == 2
    assert world.deliver(delivery) == [None]


def test_mails_are_sent_at_one_per_second(world):
    """SES allows every account one mail per second."""
    started = world.now
    world.deliver(*(notification(finding(resource=f"r-{number}")) for number in range(5)))
    assert world.now - started == pytest.approx(4)


def deliver_digest(world, *deliveries):
    """Deliver until the digest is sent, as the queue does."""
    with pytest.raises(TryLater, match="still receiving"):
        world.deliver(*deliveries)
    world.now += 121
    return world.deliver(*deliveries)


def test_digest_is_one_mail(world):
    deliveries = [notification(finding(resource=f"r-{number}"), in_digest=True) for number in range(30)]
    deliver_digest(world, *deliveries)
    assert world.subjects == ["focuswatch: 30 notifications · 10,368 USD/month"]
    assert world.deliver(*deliveries) == [None] * 30  # redelivered lines are not mailed again
    assert len(world.aws.mails) == 1


def test_notifications_beyond_the_daily_limit_are_in_a_digest(world):
    """No notification is lost, and separate mails resume the next day."""
    world.daily_limit = 3
    deliveries = [notification(finding(resource=f"r-{number}")) for number in range(8)]
    deliver_digest(world, *deliveries)
    assert len(world.aws.mails) == 4
    assert world.subjects[-1] == "focuswatch: 5 notifications · 1,728 USD/month"
    world.now += 86_400
    world.deliver(notification(finding(resource="r-9")))
    assert len(world.aws.mails) == 5


def test_retried_mail_counts_once_toward_the_daily_limit(world):
    world.daily_limit = 1
    world.aws.faults.next.append("429")
    delivery = notification(finding())
    with pytest.raises(TryLater):
        world.deliver(delivery)
    world.now += 11
    world.deliver(delivery)
    assert world.subjects[0].startswith("New: ")


def test_digest_that_ses_throttles_is_sent_later(world):
    deliveries = [notification(finding(resource=f"r-{number}"), in_digest=True) for number in range(3)]
    with pytest.raises(TryLater):
        world.deliver(*deliveries)
    world.now += 121
    world.aws.faults.next.append("429")
    with pytest.raises(TryLater, match="Maximum"):
        world.deliver(*deliveries)
    world.now += 11
    world.deliver(*deliveries)
    assert len(world.aws.mails) == 1


def test_later_lines_are_in_the_next_digest(world):
    first = [notification(finding(resource=f"r-{number}"), in_digest=True) for number in range(3)]
    deliver_digest(world, *first)
    deliver_digest(world, notification(finding(resource="r-9"), in_digest=True))
    assert [text.partition(" · ")[0] for text in world.subjects] == [
        "focuswatch: 3 notifications",
        "focuswatch: 1 notification",
    ]


def test_line_of_one_address_is_sent_although_another_address_failed(world):
    """The mail to one address is retried while the digest line for the other address still waits."""
    world.daily_limit = 1
    world.deliver(notification(finding(resource="r-1")))
    world.addresses = (FINANCE, SEARCH)
    world.aws.faults.next.append("429")
    late = notification(finding(resource="r-2"))
    with pytest.raises(TryLater):
        world.deliver(late)
    world.now += 130
    world.deliver(late)
    assert [one["to"] for one in world.aws.mails] == [FINANCE, SEARCH, FINANCE]
    assert world.subjects[-1].startswith("focuswatch: 1 notification")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (None, "The identity someone@elsewhere.example failed. Verify email.sender in SES."),
        (
            "BadRequestException",
            "SES returned BadRequestException: BadRequestException. Correct the address in",
        ),
        ("NotFoundException", "SES returned NotFoundException: NotFoundException. See docs/email.md."),
    ],
)
def test_refusal_of_ses_is_followed_by_the_remedy_for_its_code(world, fault, reason):
    """A message of SES may end without a full stop; only an invalid address is corrected in owners.toml."""
    world.aws.sandbox, world.addresses = True, ("someone@elsewhere.example",)
    world.aws.faults.next.extend([fault] if fault else [])
    with pytest.raises(Refused, match=re.escape(reason)):
        world.deliver(notification(finding()))
