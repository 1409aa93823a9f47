"""Month-end forecasts as they were made, kept for the month close: a forecast of the past cannot be made again.

The first forecasts of a day are kept and never changed, however often the bill is scanned, so that a month is compared
with what was known then.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import date, timedelta

TABLE = "forecasts"
KEPT_DAYS = 400  # a year and a month, so that a month can be compared with that of the year before


@dataclass(frozen=True)
class KeptForecast:
    """A row; its fields stand in the order of FORECASTS. Money is BilledCost of usage and fees.

    `made_on` is the first day whose charges were not known, `settled_until` the first day that was not complete then.
    `plan_of` is all, team or use case; `plan` is its name.
    """

    made_on: date
    month: date
    plan_of: str
    plan: str
    settled_until: date
    spent: float
    low: float
    forecast: float
    high: float

    @property
    def values(self) -> tuple[object, ...]:
        """The values in the order of FORECASTS."""
        return astuple(self)


def merged(kept: Iterable[KeptForecast], new: Iterable[KeptForecast], *, made_on: date) -> list[KeptForecast]:
    """Return the kept rows with those of a new day, sorted, without days that are too old."""
    first = made_on - timedelta(days=KEPT_DAYS)
    rows = {_key(row): row for row in [*new, *kept] if row.made_on >= first}  # kept rows win
    return [rows[key] for key in sorted(rows)]


def _key(row: KeptForecast) -> tuple[date, date, str, str]:
    return row.made_on, row.month, row.plan_of, row.plan
