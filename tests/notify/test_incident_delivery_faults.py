"""An incident is shown once in each channel, in its last state, whatever fails on the way."""

import pytest

from benchmarks.delivery_faults import AT_LEAST_ONCE, FAULTS, NEW_INCIDENT, lived_incidents
from tests.fakes.delivery_world import world
from tests.fakes.incident_world import counted_by_incident, ended_incidents, incident_story


@pytest.mark.parametrize("channel", ["slack", "jira", "teams", "pagerduty"])
@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"no fault", NEW_INCIDENT}))
def test_incident_is_shown_once_under_faults(channel, fault):
    """Over four runs: a finding, another one of the same cause, then one is resolved, then the other."""
    count = lived_incidents(channel, FAULTS[fault], seed=11, incidents=4)
    assert count.published >= 18
    assert (count.lost, count.buried) == (0, 0)
    if (channel, fault) not in AT_LEAST_ONCE:
        assert count.doubled == 0


@pytest.mark.parametrize("channel", ["slack", "jira", "teams", "pagerduty"])
def test_audit_of_incidents_counts_losses_and_duplicates(channel):
    """An incident that was never published is a duplicate; one that is not shown is lost."""
    with world(channel, seed=1) as there:
        there.live(incident_story(4), FAULTS["no fault"]())
        assert (counted_by_incident(there).lost, counted_by_incident(there).doubled) == (0, 0)
        assert len(ended_incidents(there)) == 2
        id, news = there.incidents.popitem()
        assert counted_by_incident(there).doubled > 0
        there.incidents |= {id: news, "f" * 20: news}
        assert counted_by_incident(there).lost > 0
