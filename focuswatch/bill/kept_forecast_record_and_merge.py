"""Month-end forecasts, stored for the month close, because a forecast cannot be recomputed from later charges.

The first forecasts of a day are stored and never changed, however often the bill is scanned, so that the month close
compares a month with the forecast of that day.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import date, timedelta

TABLE = "forecasts"
KEY = ("made_on", "month", "plan_of", "plan")
KEPT_DAYS = 400  # 13 months, to compare a month with the same month of the year before


@dataclass(frozen=True)
class KeptForecast:
    """A row of the table `forecasts`, in the column order of FORECASTS. Amounts are BilledCost of usage and fees.

    `made_on` is the first day whose charges were not known yet; `settled_until` is the first day that was not complete.
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
    """Return the stored and the new rows, sorted, without rows that are more than KEPT_DAYS older than `made_on`."""
    first = first_kept_day(made_on)
    rows = {_key(row): row for row in [*new, *kept] if row.made_on >= first}  # stored rows take precedence
    return [rows[key] for key in sorted(rows)]


def first_kept_day(made_on: date) -> date:
    """Return the first day whose forecasts are still stored when those of `made_on` are added."""
    return made_on - timedelta(days=KEPT_DAYS)


def _key(row: KeptForecast) -> tuple[date, date, str, str]:
    return row.made_on, row.month, row.plan_of, row.plan  # the columns of KEY
