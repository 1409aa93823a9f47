"""A message that is sent once a day is sent once, whichever call fails."""

from datetime import timedelta

import pytest

from focuswatch.errors import TryLater, Unsure
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.ledger.suppression import Suppression
from focuswatch.notify.delivery_claims_and_state import LEASE_SECONDS, Claims
from focuswatch.notify.slack.deliver import SlackState
from focuswatch.notify.slack.jira_closed_reply import JiraClosings
from focuswatch.notify.slack.post_once import OncePoster, PostedOnce
from tests.given.one_line_findings import DAY, finding
from tests.given.slack_world import Killed, Steps, notification, slack_world

MESSAGE = {"text": "all is well", "blocks": []}


@pytest.fixture
def world():
    """Return an empty Slack workspace."""
    with slack_world() as world:
        yield world


def say(world, name="pulse of 2026-03-31"):
    """As a function does it when it is called."""
    table = world.steps.watched(world.table, ("update_item", "get_item"))
    slack = world.steps.watched(world.slack(), ("post", "own_messages", "delete"))
    poster = OncePoster(
        slack, Claims(table, channel="said", model=PostedOnce, clock=world.clock), world.clock
    )
    return poster.post(name, MESSAGE, channel=world.finops.id)


def test_message_is_posted_once_per_name(world):
    """And again under another."""
    assert say(world)
    assert not say(world)
    assert say(world, "pulse of 2026-04-01")
    assert len(world.finops.shown) == 2


@pytest.mark.parametrize("fault", ["down", "error", "dropped", "silent"])
def test_failed_call_causes_no_loss_and_no_duplicate(world, fault):
    """Before or after its effect."""
    world.server.fault(fault, "chat.postMessage")
    with pytest.raises(Unsure):
        say(world)
    world.now += 31
    say(world)
    assert len(world.finops.shown) == 1


def test_kill_at_any_step_causes_no_loss_and_no_duplicate():
    """Before and after each call; then the work is repeated."""
    with slack_world(quick=True) as whole:
        say(whole)
        steps = whole.steps.taken
    for number in range(1, steps + 1):
        for moment in ("kill_before", "kill_after"):
            with slack_world(quick=True) as world:
                world.steps = Steps(**{moment: number})
                with pytest.raises(Killed):
                    say(world)
                world.steps = Steps()
                world.now += LEASE_SECONDS + 1
                say(world)
                assert len(world.finops.shown) == 1, (moment, number)


def test_two_concurrent_runs_post_once(world):
    """The second comes back when the first is done."""
    claims = Claims(world.table, channel="said", model=PostedOnce, clock=world.clock)
    claims.claim("pulse of 2026-03-31")
    with pytest.raises(TryLater):
        say(world)


FINDING = finding(team="search")


def closed(world, *, days_ago=0, **more):
    """The exclusion that a closing in Jira becomes."""
    since = DAY - timedelta(days=days_ago)
    suppression = {
        "scope": "fingerprint", "value": FINDING.fingerprint, "author": "Grace <!channel>", "since": since,
        "reason": "closed SRCH-12 as Won't Do", "until": since + timedelta(days=90), "source": "jira SRCH-12 7",
    }  # fmt: skip
    DynamoLedger(world.table).add_suppression(Suppression(**{**suppression, **more}))


def tell_closings(world):
    """As the function does it that runs every morning."""
    table = world.steps.watched(world.table, ("update_item", "get_item"))
    slack = world.steps.watched(world.slack(), ("post", "replies", "delete"))
    poster = OncePoster(
        slack, Claims(table, channel="said", model=PostedOnce, clock=world.clock), world.clock
    )
    failed = []
    claims = Claims(world.table, channel="slack", model=SlackState, clock=world.clock)
    JiraClosings(poster, claims, failed.append).notify(DynamoLedger(world.table).suppressions(), today=DAY)
    return failed


def test_closing_in_jira_is_posted_once_in_the_thread(world):
    """The reply states the person, the resolution, the end of the exclusion, and how to remove it."""
    world.deliver(notification(FINDING))
    closed(world)
    for _ in range(2):
        assert tell_closings(world) == []
    (message,) = world.team.shown
    (reply,) = message.replies
    assert reply.text == (
        "Grace &lt;!channel&gt; closed SRCH-12 as Won't Do. This finding is muted until 2026-06-29. "
        "If the finding is still "
        "open on this date, you will be notified again. To unmute the finding now, run: focuswatch unsuppress 1"
    )


@pytest.mark.parametrize(
    "more", [{"days_ago": 8}, {"source": "U0ANNA 1"}, {"source": None}, {"until": DAY}, {"scope": "account"}]
)
def test_other_suppressions_are_not_posted(world, more):
    """Old or expired ones, responses in Slack, and exclusions on the command line."""
    world.deliver(notification(FINDING))
    closed(world, **more)
    assert tell_closings(world) == []
    assert world.team.shown[0].replies == []


def test_closing_without_a_message_is_not_posted(world):
    """There is no thread if the finding was in a digest or was not posted."""
    closed(world)
    world.deliver(notification(FINDING, in_digest=True))
    assert tell_closings(world) == []
    assert not any(one.replies for one in world.team.shown)


@pytest.mark.parametrize("fault", ["down", "error", "dropped", "silent"])
def test_closing_is_posted_once_after_a_failure(world, fault):
    """A failed post is logged and retried."""
    world.deliver(notification(FINDING))
    closed(world)
    world.server.fault(fault, "chat.postMessage")
    assert len(tell_closings(world)) == 1
    world.now += LEASE_SECONDS + 1
    assert tell_closings(world) == []
    assert len(world.team.shown[0].replies) == 1
