"""Find the hour in which a cost increase started, if the export is hourly, to tell which events happened before it.

Detections read daily tables. The hourly export is read again only for a few days, and only for increases whose
explanation lists an event.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Protocol

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.explain.read_cost_increase_from_finding import CostIncrease
from focuswatch.engines import Engine
from focuswatch.engines.prepend_tables_as_ctes import replace_table

HOURS_BEFORE = 6  # hours before the first day; the cost of a deployment at night shows on the next day
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
PEAK_SHARE = 0.5  # share of the largest hourly excess that an hour must reach to be the first
# Maximum share of the excess before that hour; with more, the increase has no clear start.
EARLIER_SHARE = 0.2


class HourlyCharges(Protocol):
    """The charges of an export as delivered, if they are hourly."""

    def hours(self, first_day: date, end_day: date) -> str | None:
        """Return a SELECT of the charges of `[first_day, end_day)`; None if they are not hourly or not available."""
        ...


def first_hours(
    increases: Sequence[CostIncrease], *, hourly: HourlyCharges, engine: Engine, catalog: Catalog
) -> dict[str, datetime]:
    """Return the first hour, in UTC, of each increase with a clear start, by fingerprint. Raises QueryError."""
    if not increases:
        return {}
    days = [increase.first_day for increase in increases]
    charges = hourly.hours(min(days) - DAY - WEEK, max(days) + DAY)
    if charges is None:
        return {}
    lookup = catalog.lookups["hourly_costs"]
    rows = [
        (
            *increase.identity,
            increase.of_one_service,
            increase.first_day,
        )
        for increase in increases
    ]
    statement = replace_table(
        lookup.render({"rises": rows, "hours_before": HOURS_BEFORE}), "focus_export", select=charges
    )
    costs: dict[str, dict[datetime, float]] = {}
    for row in engine.query(statement, label="hours of cost increases"):
        hour = row["charge_hour"].replace(tzinfo=UTC)
        costs.setdefault(row["fingerprint"], {})[hour] = row["effective_cost"] or 0.0
    found = {
        increase.fingerprint: first_hour(costs.get(increase.fingerprint, {}), first_day=increase.first_day)
        for increase in increases
    }
    return {fingerprint: hour for fingerprint, hour in found.items() if hour is not None}


def first_hour(costs: Mapping[datetime, float], *, first_day: date) -> datetime | None:
    """Return the hour from which the cost is above that of the same hour a day and a week before.

    Return None if there is no such hour, if the cost was already higher in the first compared hour, or if it rose
    gradually.
    """
    begin = datetime.combine(first_day, time_of_day(), tzinfo=UTC) - HOUR * HOURS_BEFORE
    hours = [begin + HOUR * number for number in range(HOURS_BEFORE + 24)]
    excess = [
        costs.get(hour, 0.0) - max(costs.get(hour - DAY, 0.0), costs.get(hour - WEEK, 0.0)) for hour in hours
    ]
    peak = max(excess)
    if peak <= 0:
        return None
    place = next(number for number, more in enumerate(excess) if more >= PEAK_SHARE * peak)
    earlier = sum(max(more, 0.0) for more in excess[:place])
    whole = sum(max(more, 0.0) for more in excess)
    return hours[place] if place and earlier <= EARLIER_SHARE * whole else None
