"""Match operational events to services and resources, and format them for the root cause of a cost increase.

An event on the same day does not prove a cause, and no text here claims that it does.
"""

import re
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

from focuswatch.engines import Row
from focuswatch.findings.explanation import OperationalEvent

PREFIX_OR_SUFFIX = re.compile(r"^(amazon|aws) *| ai$")
MOST_MINUTES = 90  # from here on, a duration is shown in hours
NO_REGIONS = frozenset({None, "", "global", "NoRegion"})


def event_of(row: Row) -> OperationalEvent:
    """Return the event in a row of the table `events`, whose times are in UTC."""
    at: datetime = row["occurred_at"]
    return OperationalEvent(
        at=at if at.tzinfo else at.replace(tzinfo=UTC),
        kind=row["kind"] or "event",
        region_id=row["region_id"],
        service_name=row["service_name"],
        resource_id=row["resource_id"],
        reference=row["reference"],
    )


def is_about(
    event: OperationalEvent,
    *,
    services: Collection[str | None],
    resources: Collection[str | None] = (),
    regions: Collection[str | None] = (None,),
) -> bool:
    """Return whether an event names one of the services or resources, and no Region outside `regions`.

    If `regions` includes None or a global Region, the event may name any Region. An event that names neither a service
    nor a resource does not match.
    """
    is_elsewhere = event.region_id not in NO_REGIONS and event.region_id not in regions
    if is_elsewhere and NO_REGIONS.isdisjoint(regions):
        return False
    keys = {service_key(name) for name in services if name}
    is_service = event.service_name is not None and service_key(event.service_name) in keys
    return is_service or (event.resource_id is not None and event.resource_id in resources)


def service_key(name: str) -> str:
    """Return a key that is the same for all names of a service: `lambda` for AWS Lambda and for Lambda.

    athena_sql/reports/spend_beside_events.sql applies the same rule.
    """
    lowered = name.strip().lower()
    # On a bill, Bedrock models from AWS Marketplace are services with names of their own.
    if "bedrock" in lowered and "agentcore" not in lowered:
        return "bedrock"
    return PREFIX_OR_SUFFIX.sub("", lowered)


def event_text(event: OperationalEvent, *, first_day: date, first_hour: datetime | None = None) -> str:
    """Return `deployment on the same day, 14:20 UTC: UpdateFunctionCode checkout (AWS Lambda)`.

    With `first_hour`, return `deployment 40 minutes before the first hour of the increase, 14:20 UTC: …`.
    """
    about = f": {event.reference}" if event.reference else ""
    subject = event.service_name or event.resource_id
    when = _beside_hour(event, first_hour) if first_hour else _beside_day(event, first_day)
    return f"{event.kind} {when}, {event.at:%H:%M} UTC{about}" + (f" ({subject})" if subject else "")


def _beside_day(event: OperationalEvent, first_day: date) -> str:
    day = event.at.date()
    return {0: "on the same day", 1: "on the day before"}.get((first_day - day).days, f"on {day}")


def _beside_hour(event: OperationalEvent, first_hour: datetime) -> str:
    before = first_hour - event.at
    if before > timedelta():
        return f"{_duration(before)} before the first hour of the increase"
    if before > -timedelta(hours=1):
        return "in the first hour of the increase"
    return f"{_duration(-before)} after the increase started"


def _duration(span: timedelta) -> str:
    minutes = max(round(span / timedelta(minutes=1)), 1)
    count, unit = (minutes, "minute") if minutes < MOST_MINUTES else (round(minutes / 60), "hour")
    return f"{count} {unit}{'' if count == 1 else 's'}"
