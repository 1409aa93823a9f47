"""A scheduled message is posted exactly once, whichever call fails."""

from datetime import timedelta

import pytest

from focuswatch.errors import TryLater, Unsure
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.ledger.suppression import Suppression
from focuswatch.notify.delivery_claims_and_state import LEASE_SECONDS, Claims
from focuswatch.notify.slack.jira_closed_reply import JiraClosings
from focuswatch.notify.slack.message_state_model import SlackState
from focuswatch.notify.slack.post_once import OncePoster, PostedOnce
from tests.given.one_line_findings import DAY, finding
from tests.given.slack_world import Killed, Steps, notification, slack_world

MESSAGE = {"text": "all is well", "blocks": []}


@pytest.fixture
def world():
    """Yield an empty Slack workspace."""
    with slack_world() as world:
        yield world


def post_once(world, name="pulse of 2026-03-31"):
    """Post a message once, as a scheduled function does."""
    table = world.steps.watched(world.table, ("update_item", "get_item"))
    slack = world.steps.watched(world.slack(), ("post", "own_messages", "delete"))
    poster = OncePoster(
        slack, Claims(table, channel="said", model=PostedOnce, clock=world.clock), world.clock
    )
    return poster.post(name, MESSAGE, channel=world.finops.id)


def test_message_is_posted_once_per_name(world):
    """A message with another name is posted too."""
    assert post_once(world)
    assert not post_once(world)
    assert post_once(world, "pulse of 2026-04-01")
    assert len(world.finops.shown) == 2


@pytest.mark.parametrize("fault", ["down", "error", "dropped", "silent"])
def test_failed_call_causes_no_loss_and_no_duplicate(world, fault):
    """The call fails before or after its effect."""
    world.server.fault(fault, "chat.postMessage")
    with pytest.raises(Unsure):
        post_once(world)
    world.now += 31
    post_once(world)
    assert len(world.finops.shown) == 1


def test_kill_at_any_step_causes_no_loss_and_no_duplicate():
    """The process is killed before or after each call; then the next run posts the message."""
    with slack_world() as whole:
        post_once(whole)
        steps = whole.steps.taken
    for number in range(1, steps + 1):
        for moment in ("kill_before", "kill_after"):
            with slack_world() as world:
                world.steps = Steps(**{moment: number})
                with pytest.raises(Killed):
                    post_once(world)
                world.steps = Steps()
                world.now += LEASE_SECONDS + 1
                post_once(world)
                assert len(world.finops.shown) == 1, (moment, number)


def test_two_concurrent_runs_post_once(world):
    """The second run is retried after the first one has ended."""
    claims = Claims(world.table, channel="said", model=PostedOnce, clock=world.clock)
    claims.claim("pulse of 2026-03-31")
    with pytest.raises(TryLater):
        post_once(world)


FINDING = finding(team="search")


def add_closing(world, *, days_ago=0, **changes):
    """Add the exclusion that results from closing an issue in Jira."""
    since = DAY - timedelta(days=days_ago)
    suppression = {
        "scope": "fingerprint",
        "value": FINDING.fingerprint,
        "author": "Grace <!channel>",
        "since": since,
        "reason": "closed SRCH-12 as Won't Do",
        "until": since + timedelta(days=90),
        "source": "jira SRCH-12 7",
    }
    DynamoLedger(world.table).add_suppression(Suppression(**{**suppression, **changes}))


def notify_closings(world):
    """Post the closings, as the daily function does. Return the failures."""
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
    add_closing(world)
    for _ in range(2):
        assert notify_closings(world) == []
    (message,) = world.team.shown
    (reply,) = message.replies
    assert reply.text == (
        "Grace &lt;!channel&gt; closed SRCH-12 as Won't Do. This finding is muted until 2026-06-29. "
        "If the finding is still "
        "open on this date, you will be notified again. To unmute the finding now, run: focuswatch unsuppress 1"
    )


@pytest.mark.parametrize(
    "changes",
    [{"days_ago": 8}, {"source": "U0ANNA 1"}, {"source": None}, {"until": DAY}, {"scope": "account"}],
)
def test_other_suppressions_are_not_posted(world, changes):
    """They are old or expired, responses in Slack, or exclusions from the command line."""
    world.deliver(notification(FINDING))
    add_closing(world, **changes)
    assert notify_closings(world) == []
    assert world.team.shown[0].replies == []


def test_closing_without_a_message_is_not_posted(world):
    """A finding that was in a digest only, or was not posted, has no thread."""
    add_closing(world)
    world.deliver(notification(FINDING, in_digest=True))
    assert notify_closings(world) == []
    assert not any(one.replies for one in world.team.shown)


def test_closing_is_not_posted_for_the_message_of_a_webhook(world):
    """A webhook message has no known thread."""
    world.webhook_routes().deliver(notification(FINDING))
    add_closing(world)
    assert notify_closings(world) == []
    assert world.server.called("chat.postMessage") == []


@pytest.mark.parametrize("fault", ["down", "error", "dropped", "silent"])
def test_closing_is_posted_once_after_a_failure(world, fault):
    """A failed post is logged and retried."""
    world.deliver(notification(FINDING))
    add_closing(world)
    world.server.fault(fault, "chat.postMessage")
    assert len(notify_closings(world)) == 1
    world.now += LEASE_SECONDS + 1
    assert notify_closings(world) == []
    assert len(world.team.shown[0].replies) == 1
