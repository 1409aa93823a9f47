"""Forecast a month's cost at its end for groups of leaves, with an interval and the day a budget is exceeded.

The forecast is the sum of the settled cost (the amount spent), the projection of continuing costs, and the fees that
both previous months charged after the same day of the month. Leaves that have ended count in the amount spent and not
in the projection.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from focuswatch.detect.forecast.cost_projection import Floats, ahead
from focuswatch.detect.forecast.daily_matrices import Charges, ended

HISTORY_DAYS = 120
INTERVAL = 0.8  # share of months that should end between `low` and `high`
# Standard errors below and above the forecast: a tenth of months ended outside the interval on each side, with other
# seeds of benchmarks/forecast.py. The interval is asymmetric because new costs start at once, but savings come slowly.
BELOW, ABOVE = 1.2, 1.9


@dataclass(frozen=True)
class MonthEnd:
    """The forecast of one group, as BilledCost. `path` is the cumulative cost at the end of each day of the month."""

    month: date
    settled_until: date
    spent: float
    forecast: float
    low: float
    high: float
    path: tuple[float, ...]

    def passes(self, limit: float) -> date | None:
        """Return the first day at whose end the cumulative cost reaches `limit`; None if not in this month."""
        reached = [day for day, total in enumerate(self.path) if round(total, 6) >= limit]
        return self.month + timedelta(days=reached[0]) if reached else None

    @property
    def days_left(self) -> int:
        """The number of days of the month that are not settled."""
        return max((next_month(self.month) - max(self.settled_until, self.month)).days, 0)


def next_month(day: date) -> date:
    """Return the first day of the month after the month of `day`."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def month_ends(charges: Charges, groups: Sequence[Sequence[int]], *, month: date) -> list[MonthEnd]:
    """Return the forecast of the month that begins on `month` for each group of leaf numbers."""
    goes_on = ~ended(charges)
    used = _summed(np.where(goes_on[:, None], charges.used, np.nan), groups)[:, : charges.settled_days]
    everything = np.nan_to_num(_summed(charges.used, groups)) + _summed(charges.fees, groups)
    start, end = max(month, charges.settled_until), next_month(month)
    days = (end - start).days if end > start else 0
    settled = everything[:, charges.column(month) : max(charges.settled_days, charges.column(month))]
    settled = settled[:, : (end - month).days]
    skipped = (start - charges.settled_until).days  # above 0 if the settled days end before the month starts
    pattern = ahead(
        used[:, -HISTORY_DAYS:], first_weekday=_first_weekday(charges), days=max(days + skipped, 1)
    )
    shown = _shown(everything, charges, start=start, days=days)
    fees = _fees_to_come(_summed(charges.fees, groups), charges, month=month, start=start, days=days)
    coming = np.maximum(pattern.means[:, skipped : skipped + days] + fees, shown)
    errors = pattern.errors[:, -1] if days else np.zeros(len(groups))
    return [
        _month_end(settled[group], coming[group], errors[group], month=month, until=charges.settled_until)
        for group in range(len(groups))
    ]


def _first_weekday(charges: Charges) -> int:
    newest = max(charges.settled_days - HISTORY_DAYS, 0)
    return (charges.first_day + timedelta(days=newest)).weekday()


def _summed(table: Floats, groups: Sequence[Sequence[int]]) -> Floats:
    """Return the sums of rows by group; NaN where no row has data yet."""
    of = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    rows = np.fromiter((leaf for group in groups for leaf in group), int, count=len(of))
    total, known = np.zeros((len(groups), table.shape[1])), np.zeros((len(groups), table.shape[1]), bool)
    np.add.at(total, of, np.nan_to_num(table[rows]))
    np.logical_or.at(known, of, np.isfinite(table[rows]))
    return np.where(known, total, np.nan)


def _shown(everything: Floats, charges: Charges, *, start: date, days: int) -> Floats:
    """Return the costs that are already charged for the days ahead; they can only grow."""
    shown = np.zeros((len(everything), days))
    there = everything[:, charges.column(start) : charges.column(start) + days]
    shown[:, : there.shape[1]] = there
    return shown


def _fees_to_come(fees: Floats, charges: Charges, *, month: date, start: date, days: int) -> Floats:
    """Return the fees of each day ahead as in the previous month, limited to their total in the month before that."""
    found = np.zeros((len(fees), days))
    before = (month - timedelta(days=1)).replace(day=1)
    earlier = (before - timedelta(days=1)).replace(day=1)
    if before < charges.first_day or not days:
        return found
    newest = _rest_of_month(fees, charges, month=before, after=start.day - 1)
    if earlier >= charges.first_day:
        older = _rest_of_month(fees, charges, month=earlier, after=start.day - 1).sum(axis=1)
        total = newest.sum(axis=1)
        newest = newest * (np.minimum(total, older) / np.where(total > 0, total, 1.0))[:, None]
    width = min(days, newest.shape[1])
    found[:, :width] = newest[:, :width]
    return found


def _rest_of_month(fees: Floats, charges: Charges, *, month: date, after: int) -> Floats:
    first = charges.column(month + timedelta(days=after))
    return np.maximum(np.nan_to_num(fees[:, first : charges.column(next_month(month))]), 0.0)


def _month_end(settled: Floats, coming: Floats, error: float, *, month: date, until: date) -> MonthEnd:
    spent = float(settled.sum())
    path = np.concatenate((settled.cumsum(), spent + coming.cumsum()))
    forecast = float(path[-1]) if len(path) else spent
    return MonthEnd(
        month=month,
        settled_until=until,
        spent=spent,
        forecast=forecast,
        low=max(spent, forecast - BELOW * float(error)),
        high=forecast + ABOVE * float(error),
        path=tuple(path.tolist()),
    )
