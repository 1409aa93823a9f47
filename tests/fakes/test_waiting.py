"""The waits of other tests continue as long as there is progress, and fail when there is none."""

import os
from itertools import count

import pytest

from tests.fakes import waiting
from tests.fakes.waiting import patience, wait_until


@pytest.fixture
def clock(monkeypatch):
    """A clock, in seconds, that every pause advances by a minute."""
    seconds = [0.0]
    monkeypatch.setattr(waiting.time, "monotonic", lambda: seconds[0])
    monkeypatch.setattr(waiting.time, "sleep", lambda _: seconds.__setitem__(0, seconds[0] + 60))
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    return seconds


def test_wait_continues_while_progress_changes(clock):
    """A wait may last an hour, although it fails after two minutes without progress."""
    steps = count()
    assert wait_until(lambda: clock[0] >= 3600, progress=lambda: next(steps) // 2)


def test_wait_fails_after_two_minutes_without_progress(clock):
    """The message is that of the test, which knows what it waited for."""
    with pytest.raises(AssertionError, match="the queue is stuck"):
        wait_until(lambda: False, progress=lambda: 7, failure=lambda: "the queue is stuck")
    assert clock[0] == 120


def test_wait_returns_the_value_it_waited_for(clock):
    assert wait_until(lambda: ["a message"]) == ["a message"]


def test_patience_grows_with_the_load(monkeypatch):
    """With twelve processes on two cores, each takes six times as long."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (12.0, 0.0, 0.0))
    assert patience(10) == 60
    monkeypatch.setattr(os, "getloadavg", lambda: (0.2, 0.0, 0.0))
    assert patience(10) == 10
