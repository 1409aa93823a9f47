"""Define the input of a detection's run: the values of the placeholders that every detection can read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from focuswatch.catalog.sql_catalog import PER_USD, Detection
from focuswatch.engines.values_as_sql_literals import Value
from focuswatch.owners.owners_file import Owners

FIRST_SCAN_DAYS = 7  # most recent days of which a first scan reports first charges, spikes and reactivations


@dataclass(frozen=True)
class DetectionInput:
    """The parameters of a detection's run; `per_usd` is units of the billing currency for one US dollar."""

    as_of: date
    first_new_day: date
    required_tags: tuple[str, ...] = ("team",)
    per_usd: float = 1.0

    @property
    def values(self) -> dict[str, Value]:
        """The built-in placeholders, and the rate at which parameters in USD are converted."""
        return {
            "as_of": self.as_of,
            "first_new_day": self.first_new_day,
            "required_tags": list(self.required_tags),
            PER_USD: self.per_usd,
        }


def detection_inputs(
    detections: Collection[Detection],
    *,
    as_of: date,
    evaluated_until: Mapping[str, date],
    owners: Owners,
    per_usd: float,
) -> dict[str, DetectionInput]:
    """Return the input of each detection by id; `evaluated_until` has the day of its last run by id."""
    return {
        detection.id: DetectionInput(
            as_of=as_of,
            first_new_day=first_new_day(as_of, evaluated_until=evaluated_until.get(detection.id)),
            required_tags=tuple(owners.routing.required_tags),
            per_usd=per_usd,
        )
        for detection in detections
    }


def first_new_day(as_of: date, *, evaluated_until: date | None) -> date:
    """Return the first day whose charges count as new, given the last scan's `as_of` (None if there was no scan)."""
    week_ago = as_of - timedelta(days=FIRST_SCAN_DAYS)
    return week_ago if evaluated_until is None else min(week_ago, evaluated_until)
