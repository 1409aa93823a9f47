"""Wait in tests for something that a process, a server or a queue does.

A deadline that an idle machine keeps fails on a busy one. So no wait ends at a fixed time: it ends when nothing that it
watches has moved for a while, and that while is longer the more processes share the machine.
"""

import os
import time
from collections.abc import Callable
from typing import TypeVar

STALLED_SECONDS = 120
PAUSE_SECONDS = 0.1

T = TypeVar("T")


def patience(seconds: float) -> float:
    """Return `seconds` on an idle machine, and as many times more as processes wait for each of its cores."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def wait_until(
    holds: Callable[[], T],
    *,
    progress: Callable[[], object] = lambda: None,
    failure: Callable[[], str] = lambda: "nothing moved any more",
    stalled_seconds: float = STALLED_SECONDS,
    pause_seconds: float = PAUSE_SECONDS,
) -> T:
    """Return the first true value of `holds`, however long it takes while `progress` returns something new.

    Raises AssertionError with the text of `failure` when `progress` has returned the same for `stalled_seconds`.
    """
    last, since = progress(), time.monotonic()
    while not (value := holds()):
        now = progress()
        if now != last:
            last, since = now, time.monotonic()
        assert time.monotonic() - since < patience(stalled_seconds), failure()
        time.sleep(pause_seconds)
    return value
