"""Collect the operational events of one account in all regions. store_events merges them with the stored events."""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from datetime import time as time_of_day

from focuswatch.collect.access_refusals import AWS_ERRORS, ServiceNotOffered, reason_of
from focuswatch.collect.collected_event import CollectedEvent
from focuswatch.collect.deployments_alarms_and_health import HEALTH_REGION, READERS, EventSource
from focuswatch.collect.hourly_resources_and_metrics import Place
from focuswatch.collect.member_sessions import Session
from focuswatch.collect.resource_activity import CollectedAccount


def collect_events(
    collected: CollectedAccount,
    *,
    session: Session,
    regions: Iterable[str],
    since: date,
    end_day: date,
    sources: Collection[EventSource],
    not_offered: ServiceNotOffered,
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
            try:
                events += list(reader(session, Place(collected.account, region), start, end))
            except AWS_ERRORS as error:
                if not not_offered.remember(error, service=service, region=region):
                    collected.refuse(region, service, reason_of(error))
            except Exception as error:  # an unexpected response must not stop the other collectors
                collected.refuse(region, service, f"unexpected {reason_of(error)}")
    return events
