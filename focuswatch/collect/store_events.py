"""Merge the operational events of accounts and posted requests with the stored events, one file per day."""

from collections.abc import Iterable
from datetime import date, timedelta

from focuswatch.collect.collected_event import CollectedEvent
from focuswatch.collect.read_and_write_collected_tables_in_s3 import Store

RECENT_DAYS = 2  # days read again, because CloudTrail and CloudWatch list events minutes to hours late
FIRST_DAYS = 14  # days that the first run reads, and the maximum after runs were missed


def first_day_of_events(store: Store, *, today: date) -> date:
    """Return the first day to read, so that no day is missing if no run took place for up to FIRST_DAYS."""
    until = store.events_collected_until(today=today)
    earliest = today - timedelta(days=FIRST_DAYS)
    return earliest if until is None else max(min(until, today - timedelta(days=RECENT_DAYS)), earliest)


def store_events(events: Iterable[CollectedEvent], *, since: date, today: date, store: Store) -> int:
    """Add the events to the stored events of their days, and ensure a file for each day; return how many are new."""
    by_day: dict[date, set[CollectedEvent]] = {
        since + timedelta(days=offset): set() for offset in range((today - since).days + 1)
    }
    for event in events:
        by_day.setdefault(event.occurred_at.date(), set()).add(event)
    added = 0
    for day, found in by_day.items():
        stored = set(store.events(day))
        added += len(found - stored)
        if found - stored or not stored:
            store.write_events(sorted(found | stored, key=event_order), day=day)
    return added


def event_order(event: CollectedEvent) -> tuple[str, ...]:
    """Return the sort key of an event in a file: its columns as text."""
    return tuple(str(value) for value in event.row.values())
