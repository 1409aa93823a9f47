"""Wait in tests for a process, a server or a queue.

A deadline that suits an idle machine fails on a busy one. So no wait has a fixed deadline: it fails after some time
without any progress, and this time grows with the load of the machine.
"""

import os
import time
from collections.abc import Callable
from typing import TypeVar

STALLED_SECONDS = 120
PAUSE_SECONDS = 0.1

T = TypeVar("T")


def patience(seconds: float) -> float:
    """Return `seconds`, multiplied by the number of runnable processes per core if that is more than one."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def wait_until(
    holds: Callable[[], T],
    *,
    progress: Callable[[], object] = lambda: None,
    failure: Callable[[], str] = lambda: "nothing moved any more",
    stalled_seconds: float = STALLED_SECONDS,
    pause_seconds: float = PAUSE_SECONDS,
) -> T:
    """Return the first true value of `holds`; wait as long as the value of `progress` changes.

    Raise AssertionError with the text of `failure` when `progress` has returned the same value for `stalled_seconds`,
    or longer on a busy machine.
    """
    last, since = progress(), time.monotonic()
    while not (value := holds()):
        now = progress()
        if now != last:
            last, since = now, time.monotonic()
        assert time.monotonic() - since < patience(stalled_seconds), failure()
        time.sleep(pause_seconds)
    return value
