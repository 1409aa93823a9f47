"""The waits of other tests: they last while something moves, and end when nothing does."""

import os
from itertools import count

import pytest

from tests.fakes import waiting
from tests.fakes.waiting import patience, wait_until


@pytest.fixture
def clock(monkeypatch):
    """A clock that a pause sets forward by a minute."""
    minutes = [0.0]
    monkeypatch.setattr(waiting.time, "monotonic", lambda: minutes[0])
    monkeypatch.setattr(waiting.time, "sleep", lambda _: minutes.__setitem__(0, minutes[0] + 60))
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    return minutes


def test_wait_lasts_while_something_moves(clock):
    """An hour, though nothing may stand still for more than two minutes."""
    steps = count()
    assert wait_until(lambda: clock[0] >= 3600, progress=lambda: next(steps) // 2)


def test_wait_fails_when_nothing_moves(clock):
    """After two minutes, with the message of the test."""
    with pytest.raises(AssertionError, match="the queue is stuck"):
        wait_until(lambda: False, progress=lambda: 7, failure=lambda: "the queue is stuck")
    assert clock[0] == 120


def test_wait_returns_what_it_waited_for(clock):
    """Not only that it came."""
    assert wait_until(lambda: ["a message"]) == ["a message"]


def test_patience_grows_with_the_load(monkeypatch):
    """Twelve processes for two cores: each takes six times as long."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (12.0, 0.0, 0.0))
    assert patience(10) == 60
    monkeypatch.setattr(os, "getloadavg", lambda: (0.2, 0.0, 0.0))
    assert patience(10) == 10
