"""Select the detections that are due by their schedule."""

from collections.abc import Iterable, Mapping
from datetime import date

from focuswatch.catalog.sql_catalog import Detection


def due_detections(
    detections: Iterable[Detection], *, as_of: date, evaluated_until: Mapping[str, date]
) -> list[Detection]:
    """Return the detections that are due by their schedule: at every refresh, daily, or weekly."""
    days = {"every_refresh": 0, "daily": 1, "weekly": 7}
    return [
        detection
        for detection in detections
        if (last := evaluated_until.get(detection.id)) is None
        or (as_of - last).days >= days[detection.header.schedule]
    ]
