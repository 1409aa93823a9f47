"""The delay that a server requests, in each format of Retry-After."""

import time
from email.utils import formatdate

import pytest

from focuswatch.errors import TryLater
from focuswatch.notify.retry_after import LONGEST_SECONDS, retry_after
from tests.given.one_line_findings import finding
from tests.given.slack_world import notification, slack_world

NOW = 784_111_717.0  # Sun, 06 Nov 1994 08:48:37 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("77", 77),
        (" 1.5 ", 1.5),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 60),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 60),
        ("Sun Nov  6 08:49:37 1994", 60),
        ("Sun, 06 Nov 1994 08:40:00 GMT", 1),  # in the past: our clock is ahead of the server's
        ("0", 1),
        ("-5", 1),
        ("999999999", LONGEST_SECONDS),
        ("Wed, 01 Jan 2098 00:00:00 GMT", LONGEST_SECONDS),
        ("Sun, 06 Nov 99999 08:49:37 GMT", 30),
        ("nan", 30),
        ("inf", 30),
        ("soon", 30),
        ("", 30),
    ],
)
@pytest.mark.parametrize("name", ["Retry-After", "retry-after"])
def test_seconds_and_dates_are_parsed(name, value, seconds):
    """HTTP allows three date formats; any other value gives the default and no error."""
    assert retry_after({name: value}, otherwise=30, clock=lambda: NOW) == seconds


def test_default_is_returned_without_a_header():
    assert retry_after({}, otherwise=30) == 30


def test_retry_after_of_slack_can_be_a_date():
    with slack_world() as world:
        world.server.limit.burst, world.server.limit.a_second = 1, 0.01
        world.server.retry_after = lambda wait: formatdate(time.time() + wait, usegmt=True)
        world.deliver(notification(finding(team="search")))
        with pytest.raises(TryLater) as later:
            world.deliver(notification(finding(team="search", resource="b")))
    assert 50 < later.value.seconds <= 100
