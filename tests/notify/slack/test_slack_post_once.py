"""What is said once a day is said once, whatever fails."""

from datetime import timedelta

import pytest

from focuswatch.errors import TryLater, Unsure
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.ledger.ledger_entry import Suppression
from focuswatch.notify.claims import LEASE_SECONDS, Claims
from focuswatch.notify.slack.deliver import SlackState
from focuswatch.notify.slack.jira_closings import Closings
from focuswatch.notify.slack.post_once import OncePoster, PostedOnce
from tests.given.findings import DAY, finding
from tests.given.slack import Killed, Steps, news, telling

MESSAGE = {"text": "all is well", "blocks": []}


@pytest.fixture
def tell():
    """A Slack that nobody has written to."""
    with telling() as made:
        yield made


def say(tell, name="pulse of 2026-03-31"):
    """As a function does it when it is called."""
    table = tell.steps.watched(tell.table, ("update_item", "get_item"))
    slack = tell.steps.watched(tell.slack(), ("post", "told", "delete"))
    speaker = OncePoster(slack, Claims(table, channel="said", model=PostedOnce, clock=tell.clock), tell.clock)
    return speaker.say(name, MESSAGE, channel=tell.finops.id)


def test_it_is_said_once_under_its_name(tell):
    """And again under another."""
    assert say(tell)
    assert not say(tell)
    assert say(tell, "pulse of 2026-04-01")
    assert len(tell.finops.shown) == 2


@pytest.mark.parametrize("fault", ["down", "error", "dropped", "silent"])
def test_a_call_that_fails_loses_and_doubles_nothing(tell, fault):
    """Whether it failed before or after it was done."""
    tell.server.fault(fault, "chat.postMessage")
    with pytest.raises(Unsure):
        say(tell)
    tell.now += 31
    say(tell)
    assert len(tell.finops.shown) == 1


def test_a_process_killed_between_any_two_steps_loses_and_doubles_nothing():
    """Then it is called again."""
    with telling() as whole:
        say(whole)
        steps = whole.steps.taken
    for number in range(1, steps + 1):
        for moment in ("kill_before", "kill_after"):
            with telling() as tell:
                tell.steps = Steps(**{moment: number})
                with pytest.raises(Killed):
                    say(tell)
                tell.steps = Steps()
                tell.now += LEASE_SECONDS + 1
                say(tell)
                assert len(tell.finops.shown) == 1, (moment, number)


def test_two_at_once_say_it_once(tell):
    """The second comes back when the first is done."""
    claims = Claims(tell.table, channel="said", model=PostedOnce, clock=tell.clock)
    claims.claim("pulse of 2026-03-31")
    with pytest.raises(TryLater):
        say(tell)


FOUND = finding(team="search")


def closed(tell, *, days_ago=0, **more):
    """The exclusion that a closing in Jira becomes."""
    since = DAY - timedelta(days=days_ago)
    made = {
        "scope": "fingerprint", "value": FOUND.fingerprint, "author": "Grace <!channel>", "since": since,
        "reason": "closed in SRCH-12 as Won't Do", "until": since + timedelta(days=90), "source": "jira SRCH-12 7",
    }  # fmt: skip
    DynamoLedger(tell.table).add_suppression(Suppression(**{**made, **more}))


def tell_closings(tell):
    """As the function does it that runs every morning."""
    table = tell.steps.watched(tell.table, ("update_item", "get_item"))
    slack = tell.steps.watched(tell.slack(), ("post", "replies", "delete"))
    speaker = OncePoster(slack, Claims(table, channel="said", model=PostedOnce, clock=tell.clock), tell.clock)
    failed = []
    told = Claims(tell.table, channel="slack", model=SlackState, clock=tell.clock)
    Closings(speaker, told, failed.append).tell(DynamoLedger(tell.table).suppressions(), today=DAY)
    return failed


def test_a_closing_in_jira_is_said_once_in_the_thread_of_its_finding(tell):
    """Who closed it and as what, until when nothing is said, and how to hear of it sooner."""
    tell.tell(news(FOUND))
    closed(tell)
    for _ in range(2):
        assert tell_closings(tell) == []
    (message,) = tell.team.shown
    (reply,) = message.replies
    assert reply.text == (
        "Grace &lt;!channel&gt; closed in SRCH-12 as Won't Do. Nothing more is said of it until 2026-06-29; if it is "
        "still there then, you hear of it again. To hear of it sooner: focuswatch unsilence 1"
    )


@pytest.mark.parametrize(
    "more", [{"days_ago": 8}, {"source": "U0ANNA 1"}, {"source": None}, {"until": DAY}, {"scope": "account"}]
)
def test_what_is_no_new_closing_is_not_said(tell, more):
    """Old ones, what was answered in Slack itself, what has run out, what somebody excluded by hand."""
    tell.tell(news(FOUND))
    closed(tell, **more)
    assert tell_closings(tell) == []
    assert tell.team.shown[0].replies == []


def test_a_closing_of_what_slack_never_told_is_not_said(tell):
    """A digest told it, or nobody did: there is no thread."""
    closed(tell)
    tell.tell(news(FOUND, in_digest=True))
    assert tell_closings(tell) == []
    assert not any(one.replies for one in tell.team.shown)


@pytest.mark.parametrize("fault", ["down", "error", "dropped", "silent"])
def test_a_closing_is_said_once_whatever_fails(tell, fault):
    """What failed is said to the log, and tried again."""
    tell.tell(news(FOUND))
    closed(tell)
    tell.server.fault(fault, "chat.postMessage")
    assert len(tell_closings(tell)) == 1
    tell.now += LEASE_SECONDS + 1
    assert tell_closings(tell) == []
    assert len(tell.team.shown[0].replies) == 1
