"""Forecast a month's cost at its end for groups of leaves, with an interval and the day a budget is exceeded.

The forecast is the sum of the settled cost (the amount spent), the projection of continuing costs, and the fees that
both previous months charged after the same day of the month. Leaves that have ended count in the amount spent and not
in the projection.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

import numpy as np

from focuswatch.detect.forecast.fit_and_project_daily_costs import Floats, project_costs
from focuswatch.detect.forecast.usage_and_fee_matrices import ChargeMatrices, Key, charge_matrices
from focuswatch.engines import Engine

Group = TypeVar("Group")

HISTORY_DAYS = 120
LEAST_QUIET_DAYS = 4  # minimum days without charges after which a leaf can have ended
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


def month_of_last_day(as_of: date) -> date:
    """Return the first day of the month of the day before `as_of`."""
    return (as_of - timedelta(days=1)).replace(day=1)


def month_ends_by_group(
    statement: str,
    *,
    engine: Engine,
    label: str,
    month: date,
    groups_of: Callable[[Sequence[Key]], Mapping[Group, Sequence[int]]],
) -> dict[Group, MonthEnd]:
    """Query the daily costs of leaves, and return the forecast of each group. Raises QueryError.

    `groups_of` returns the leaf numbers of each group from the keys of all leaves. The result is empty if the bill has
    no settled day.
    """
    columns = engine.columns(statement, label=label)
    if not columns or not len(columns["charge_date"]):
        return {}
    charges = charge_matrices(columns)
    if not charges.settled_days:
        return {}
    groups = groups_of(charges.keys)
    ends = month_ends(charges, list(groups.values()), month=month)
    return dict(zip(groups, ends, strict=True))


def month_ends(charges: ChargeMatrices, groups: Sequence[Sequence[int]], *, month: date) -> list[MonthEnd]:
    """Return the forecast of the month that begins on `month` for each group of leaf numbers."""
    goes_on = ~ended_leaves(charges)
    used = _summed(np.where(goes_on[:, None], charges.used, np.nan), groups)[:, : charges.settled_days]
    everything = np.nan_to_num(_summed(charges.used, groups)) + _summed(charges.fees, groups)
    start, end = max(month, charges.settled_until), next_month(month)
    days = (end - start).days if end > start else 0
    settled = everything[:, charges.column(month) : max(charges.settled_days, charges.column(month))]
    settled = settled[:, : (end - month).days]
    skipped = (start - charges.settled_until).days  # above 0 if the settled days end before the month starts
    projection = project_costs(
        used[:, -HISTORY_DAYS:], first_weekday=_first_weekday(charges), days=max(days + skipped, 1)
    )
    shown = _shown(everything, charges, start=start, days=days)
    fees = _fees_to_come(_summed(charges.fees, groups), charges, month=month, start=start, days=days)
    coming = np.maximum(projection.means[:, skipped : skipped + days] + fees, shown)
    errors = projection.errors[:, -1] if days else np.zeros(len(groups))
    return [
        _month_end(settled[group], coming[group], errors[group], month=month, until=charges.settled_until)
        for group in range(len(groups))
    ]


def ended_leaves(charges: ChargeMatrices) -> np.ndarray:
    """Return which leaves have ended: no charges for longer than ever before, and for longer than a weekend."""
    settled = np.nan_to_num(charges.used[:, : charges.settled_days])
    charged = settled != 0
    count = settled.shape[1]
    day = np.arange(count)
    last = np.where(charged, day, -1).max(axis=1) if count else np.full(len(settled), -1)
    quiet = count - 1 - last
    before = np.maximum.accumulate(np.where(charged, day, -1), axis=1)
    gaps = (
        np.where(charged[:, 1:] & (before[:, :-1] >= 0), day[1:] - before[:, :-1] - 1, 0)
        if count > 1
        else before
    )
    longest = gaps.max(axis=1, initial=0)
    return np.asarray((last >= 0) & (quiet >= LEAST_QUIET_DAYS) & (quiet > longest))


def _first_weekday(charges: ChargeMatrices) -> int:
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


def _shown(everything: Floats, charges: ChargeMatrices, *, start: date, days: int) -> Floats:
    """Return the costs that are already charged for the days ahead; they can only grow."""
    shown = np.zeros((len(everything), days))
    there = everything[:, charges.column(start) : charges.column(start) + days]
    shown[:, : there.shape[1]] = there
    return shown


def _fees_to_come(fees: Floats, charges: ChargeMatrices, *, month: date, start: date, days: int) -> Floats:
    """Return the fees of each day ahead as in the previous month, limited to their total in the month before that."""
    found = np.zeros((len(fees), days))
    before = month_of_last_day(month)
    earlier = month_of_last_day(before)
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


def _rest_of_month(fees: Floats, charges: ChargeMatrices, *, month: date, after: int) -> Floats:
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
