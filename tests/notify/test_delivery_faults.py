"""A small run of benchmarks/delivery_faults.py: no fault loses or duplicates a notification."""

import pytest

from benchmarks.delivery_faults import AT_LEAST_ONCE, CHANNELS, FAULTS, Reordered, burst, lived
from tests.fakes.delivery_world import counted, story, world


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("fault", FAULTS)
def test_no_loss_and_no_duplicates_under_faults(channel, fault):
    """Four scans: new, changed, resolved, new again. The table in memory is tested by test_dynamodb_in_memory.py."""
    count = lived(channel, FAULTS[fault], seed=11, findings=6)
    assert count.published >= 15
    assert (count.lost, count.buried) == (0, 0)
    if (channel, fault) not in AT_LEAST_ONCE:
        assert count.doubled == 0


def test_burst_is_delivered_as_messages_and_digests():
    """Findings above a team's limit are summarized in a digest, which counts all of them."""
    with world("slack", seed=3) as simulation:
        simulation.batch = 50
        simulation.live(story(72)[:1], Reordered())
        count = counted(simulation)
        channels = simulation.slack.server.workspace.channels.values()
    assert (count.published, count.lost, count.doubled) == (72, 0, 0)
    assert [len(one.shown) for one in channels if one.shown] == [21, 21, 21]


@pytest.mark.parametrize("channel", CHANNELS)
def test_burst_of_hundreds_causes_no_loss_and_no_duplicates(channel):
    """A table in memory keeps the test short; benchmarks/results/delivery_faults.md has a burst of 5,000."""
    count = burst(channel, seed=7, findings=400)
    assert (count.published, count.lost, count.doubled, count.buried) == (400, 0, 0, 0)


@pytest.mark.parametrize("channel", ["slack", "jira", "teams", "pagerduty"])
def test_audit_counts_losses_and_duplicates(channel):
    """This tests the audit itself: a deleted message is lost, and a message posted again is a duplicate."""
    with world(channel, seed=1) as simulation:
        simulation.live(story(3)[:1], FAULTS["no fault"]())
        if channel == "slack":
            (first, *_), team = _messages(simulation)
            simulation.slack.server.workspace.posted(team, vars(first))
            assert (counted(simulation).lost, counted(simulation).doubled) == (0, 1)
            for message in team.shown:
                message.deleted = True
        elif channel == "teams":
            simulation.teams.shown.append(simulation.teams.shown[0])
            assert (counted(simulation).lost, counted(simulation).doubled) == (0, 1)
            simulation.teams.shown.clear()
        elif channel == "pagerduty":
            simulation.pagerduty.alerts.append(simulation.pagerduty.alerts[0])
            assert (counted(simulation).lost, counted(simulation).doubled) == (0, 1)
            simulation.pagerduty.alerts[0].status = "resolved"
            assert counted(simulation).lost > 0
            simulation.pagerduty.alerts.clear()
        else:
            simulation.jira.clone(simulation.jira.issues[0].key)
            assert (counted(simulation).lost, counted(simulation).doubled) == (0, 1)
            simulation.jira.issues.clear()
        assert counted(simulation).lost > 0


@pytest.mark.parametrize("channel", ["webhook", "email", "securityhub", "ocsf"])
def test_audit_of_a_target_counts_losses_and_duplicates(channel):
    """A notification that was never delivered is lost; one that was never published is a duplicate."""
    with world(channel, seed=1) as simulation:
        simulation.live(story(3)[:1], FAULTS["no fault"]())
        assert (counted(simulation).lost, counted(simulation).doubled) == (0, 0)
        published = dict(simulation.published)
        simulation.published.popitem()
        assert (counted(simulation).lost, counted(simulation).doubled) == (0, 1)
        simulation.published |= published | {"f" * 20: {1: ("new", False)}}
        assert counted(simulation).lost == 1


def _messages(simulation):
    team = next(one for one in simulation.slack.server.workspace.channels.values() if one.shown)
    return team.shown, team
