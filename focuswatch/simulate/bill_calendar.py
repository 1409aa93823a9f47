"""The days of a simulated bill, counted back from `as_of`."""

from dataclasses import dataclass
from datetime import date, timedelta

SETTLE_DAYS = 2
FIRST_SCAN_DAYS = 7  # a first scan reports first charges and bursts of so many newest days
BILL_START_DAYS = 14  # charges that start in the first days of the bill are no first charges


@dataclass(frozen=True)
class Calendar:
    """The days `[first, as_of)` of the bill."""

    first: date
    as_of: date

    @property
    def days(self) -> int:
        return (self.as_of - self.first).days

    @property
    def complete_until(self) -> date:
        """Return the first day that is not complete."""
        return self.ago(SETTLE_DAYS)

    def ago(self, days: int) -> date:
        return self.as_of - timedelta(days=days)

    def index(self, day: date) -> int:
        """Return the day's number within the bill, from 0, clipped to `[0, days]`."""
        return min(max((day - self.first).days, 0), self.days)

    def day(self, index: int) -> date:
        return self.first + timedelta(days=index)

    def months(self) -> list[date]:
        """Return the first days of the bill's billing periods, oldest first."""
        months = [self.first.replace(day=1)]
        while (following := next_month(months[-1])) < self.as_of:
            months.append(following)
        return months


def next_month(day: date) -> date:
    """Return the first day of the next month."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
