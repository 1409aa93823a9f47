"""Format an operational event as text, with its time relative to the start of a cost increase.

An event on the same day does not prove a cause, and no text here claims that it does.
"""

from datetime import date, datetime, timedelta

from focuswatch.findings.cost_increase_explanation_models import OperationalEvent
from focuswatch.findings.count_text import count_text

MOST_MINUTES = 90  # from here on, a duration is shown in hours


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
    return count_text(count, unit)
