"""Define the days for which a run collects metrics and token counts."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Window:
    """The days to collect: `[first, today)`.

    Every run reads the last `recent_days` again, because metrics arrive late. Earlier days are read only if missing.
    """

    today: date
    recent_days: int
    first_days: int

    @property
    def first(self) -> date:
        """Return the first day that may be read."""
        return self.today - timedelta(days=self.first_days)

    @property
    def recent(self) -> date:
        """Return the first day that is read again in every run."""
        return self.today - timedelta(days=self.recent_days)

    @property
    def days(self) -> list[date]:
        """Return every day of the window."""
        return days_between(self.first, self.today)


def days_between(first: date, end: date) -> list[date]:
    """Return the days [first, end)."""
    return [first + timedelta(days=offset) for offset in range((end - first).days)]
