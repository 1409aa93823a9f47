"""An incident is shown once in each channel, in its last state, whatever fails during delivery."""

import pytest

from benchmarks.delivery_faults import AT_LEAST_ONCE, FAULTS, NEW_INCIDENT, lived_incidents
from tests.fakes.delivery_world import world
from tests.fakes.incident_world import counted_by_incident, ended_incidents, incident_story


@pytest.mark.parametrize("channel", ["slack", "jira", "teams", "pagerduty"])
@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"no fault", NEW_INCIDENT}))
def test_incident_is_shown_once_under_faults(channel, fault):
    """Four scans: a finding, a second finding of the same cause, then each is resolved in turn."""
    count = lived_incidents(channel, FAULTS[fault], seed=11, incidents=4)
    assert count.published >= 18
    assert (count.lost, count.buried) == (0, 0)
    if (channel, fault) not in AT_LEAST_ONCE:
        assert count.doubled == 0


@pytest.mark.parametrize("channel", ["slack", "jira", "teams", "pagerduty"])
def test_audit_of_incidents_counts_losses_and_duplicates(channel):
    """An incident that was never published is a duplicate; one that is not shown is lost."""
    with world(channel, seed=1) as simulation:
        simulation.live(incident_story(4), FAULTS["no fault"]())
        assert (counted_by_incident(simulation).lost, counted_by_incident(simulation).doubled) == (0, 0)
        assert len(ended_incidents(simulation)) == 2
        id, notifications = simulation.incidents.popitem()
        assert counted_by_incident(simulation).doubled > 0
        simulation.incidents |= {id: notifications, "f" * 20: notifications}
        assert counted_by_incident(simulation).lost > 0
