"""A small one of benchmarks/delivery_faults.py: whatever fails on the way, nothing is lost and nothing doubled."""

import pytest

from benchmarks.delivery_faults import AT_LEAST_ONCE, CHANNELS, FAULTS, Reordered, burst, lived
from tests.fakes.delivery_world import counted, story, world


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("fault", FAULTS)
def test_no_loss_and_no_duplicates_under_faults(channel, fault):
    """Over four runs: new, changed, resolved, back. On a table in memory, as test_dynamodb_in_memory tests it."""
    count = lived(channel, FAULTS[fault], seed=11, findings=6, quick=True)
    assert count.published >= 15
    assert (count.lost, count.buried) == (0, 0)
    if (channel, fault) not in AT_LEAST_ONCE:
        assert count.doubled == 0


def test_burst_is_delivered_as_messages_and_digests():
    """Findings above a team's limit are summarized in a digest, which counts all of them."""
    with world("slack", seed=3) as there:
        there.batch = 50
        there.live(story(72)[:1], Reordered())
        count = counted(there)
        channels = there.slack.server.workspace.channels.values()
    assert (count.published, count.lost, count.doubled) == (72, 0, 0)
    assert [len(one.shown) for one in channels if one.shown] == [21, 21, 21]


@pytest.mark.parametrize("channel", CHANNELS)
def test_burst_of_hundreds_causes_no_loss_and_no_duplicates(channel):
    """On a table in memory, or it would take minutes; benchmarks/results/delivery_faults.md has one of 5,000."""
    count = burst(channel, seed=7, findings=400)
    assert (count.published, count.lost, count.doubled, count.buried) == (400, 0, 0, 0)


@pytest.mark.parametrize("channel", ["slack", "jira", "teams", "pagerduty"])
def test_audit_counts_losses_and_duplicates(channel):
    """The count itself: a message taken away is lost, one posted again is double."""
    with world(channel, seed=1) as there:
        there.live(story(3)[:1], FAULTS["no fault"]())
        if channel == "slack":
            (first, *_), team = _messages(there)
            there.slack.server.workspace.posted(team, vars(first))
            assert (counted(there).lost, counted(there).doubled) == (0, 1)
            for message in team.shown:
                message.deleted = True
        elif channel == "teams":
            there.teams.shown.append(there.teams.shown[0])
            assert (counted(there).lost, counted(there).doubled) == (0, 1)
            there.teams.shown.clear()
        elif channel == "pagerduty":
            there.pagerduty.alerts.append(there.pagerduty.alerts[0])
            assert (counted(there).lost, counted(there).doubled) == (0, 1)
            there.pagerduty.alerts[0].status = "resolved"
            assert counted(there).lost > 0
            there.pagerduty.alerts.clear()
        else:
            there.jira.clone(there.jira.issues[0].key)
            assert (counted(there).lost, counted(there).doubled) == (0, 1)
            there.jira.issues.clear()
        assert counted(there).lost > 0


@pytest.mark.parametrize("channel", ["webhook", "email", "securityhub", "ocsf"])
def test_audit_of_a_target_counts_losses_and_duplicates(channel):
    """A notification that was never delivered is lost; one that was never published is a duplicate."""
    with world(channel, seed=1) as there:
        there.live(story(3)[:1], FAULTS["no fault"]())
        assert (counted(there).lost, counted(there).doubled) == (0, 0)
        published = dict(there.published)
        there.published.popitem()
        assert (counted(there).lost, counted(there).doubled) == (0, 1)
        there.published |= published | {"f" * 20: {1: ("new", False)}}
        assert counted(there).lost == 1


def _messages(there):
    team = next(one for one in there.slack.server.workspace.channels.values() if one.shown)
    return team.shown, team
