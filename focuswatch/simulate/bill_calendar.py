"""The days of a simulated bill, counted back from `as_of`."""

from dataclasses import dataclass
from datetime import date, timedelta

SETTLE_DAYS = 2  # newest days, whose charges can still change
FIRST_SCAN_DAYS = 7  # newest days for which a first scan reports first charges and bursts
BILL_START_DAYS = 14  # first days of the bill, in which new charges do not count as first charges


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
        """Return the end of the complete days (exclusive)."""
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
