"""The days of a simulated bill, counted back from the day the bill is read."""

from dataclasses import dataclass
from datetime import date, timedelta

SETTLE_DAYS = 2
FIRST_SCAN_DAYS = 7  # a first scan reports first charges and bursts of so many newest days
BILL_START_DAYS = 14  # what was there in the bill's first days is where the bill begins, not news


@dataclass(frozen=True)
class Calendar:
    """`[first, as_of)`; `as_of` is the first day not looked at."""

    first: date
    as_of: date

    @property
    def days(self) -> int:
        return (self.as_of - self.first).days

    @property
    def settled_until(self) -> date:
        """The first day that is not settled."""
        return self.ago(SETTLE_DAYS)

    def ago(self, days: int) -> date:
        return self.as_of - timedelta(days=days)

    def index(self, day: date) -> int:
        """The day's number within the bill, 0 for its first; clipped to `[0, days]`."""
        return min(max((day - self.first).days, 0), self.days)

    def day(self, index: int) -> date:
        return self.first + timedelta(days=index)

    def months(self) -> list[date]:
        """First days of the billing periods the bill touches, oldest first."""
        months = [self.first.replace(day=1)]
        while (following := next_month(months[-1])) < self.as_of:
            months.append(following)
        return months


def next_month(day: date) -> date:
    """The first day of the month after `day`'s."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
