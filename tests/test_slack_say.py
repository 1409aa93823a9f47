"""What is said once a day is said once, whatever fails."""

import pytest

from focuswatch.delivery.claims import LEASE_SECONDS, Claims
from focuswatch.errors import TryLater, Unsure
from focuswatch.slack.say import Said, Speaker
from tests.given_slack import Killed, Steps, telling

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
    speaker = Speaker(slack, Claims(table, channel="said", model=Said, clock=tell.clock), tell.clock)
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
    claims = Claims(tell.table, channel="said", model=Said, clock=tell.clock)
    claims.claim("pulse of 2026-03-31")
    with pytest.raises(TryLater):
        say(tell)
