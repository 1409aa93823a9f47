"""Collect the operational events of one account in all regions. store_events merges them with the stored events."""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from datetime import time as time_of_day

from focuswatch.collect.account_and_region_with_arns import Place
from focuswatch.collect.collected_event import CollectedEvent
from focuswatch.collect.counts_and_refusals_of_collected_account import CollectedAccount
from focuswatch.collect.deployments_alarms_and_health import HEALTH_REGION, READERS, EventSource
from focuswatch.collect.services_not_offered import ServicesNotOffered
from focuswatch.collect.shared_clients_for_member_accounts import Session


def collect_events(
    collected: CollectedAccount,
    *,
    session: Session,
    regions: Iterable[str],
    since: date,
    end_day: date,
    sources: Collection[EventSource],
    not_offered: ServicesNotOffered,
) -> list[CollectedEvent]:
    """Return the events of an account in `[since, end_day)`; refusals are recorded in `collected`."""
    start, end = (datetime.combine(day, time_of_day(), tzinfo=UTC) for day in (since, end_day))
    events: list[CollectedEvent] = []
    all_regions = tuple(regions)
    for source in sources:
        service, reader = READERS[source]
        for region in (HEALTH_REGION,) if source == "health" else all_regions:
            if (service, region) in not_offered:
                continue
            with collected.recording_refusals(region, service, not_offered=not_offered):
                events += list(reader(session, Place(collected.account, region), start, end))
    return events
