"""Scheduled messages, such as the weekly digest, reach each team through its webhook or the bot."""

import pytest

from focuswatch.errors import Refused
from tests.given.slack_world import slack_world

MESSAGE = {"text": "the week", "blocks": []}


@pytest.fixture
def world():
    """Yield an empty Slack workspace, in which the team search has a webhook, and FinOps has none."""
    with slack_world() as world:
        yield world


def test_team_with_a_webhook_needs_no_bot(world):
    messages = world.scheduled_messages(with_bot=False)
    assert messages.can_post_to("search")
    assert messages.post("week 2026-13 of search", MESSAGE, team="search")
    assert not messages.post("week 2026-13 of search", MESSAGE, team="search")
    assert [message.text for message in world.team.shown] == ["the week"]


def test_team_with_a_webhook_is_not_posted_to_by_the_bot(world):
    """A team has a webhook because the bot may not join its channel."""
    assert world.scheduled_messages(with_bot=True).post("week", MESSAGE, team="search")
    assert not world.server.called("chat.postMessage")
    assert len(world.team.shown) == 1


def test_channel_without_a_webhook_gets_the_message_from_the_bot(world):
    messages = world.scheduled_messages(with_bot=True)
    assert messages.can_post_to(None)
    assert messages.post("week of everybody", MESSAGE, team=None)
    assert len(world.finops.shown) == 1


def test_channel_without_webhook_and_bot_is_an_error_that_says_what_to_store(world):
    messages = world.scheduled_messages(with_bot=False)
    assert not messages.can_post_to(None)
    with pytest.raises(Refused, match="#finops has no webhook, .* Store a webhook or a bot token"):
        messages.post("week of everybody", MESSAGE, team=None)
