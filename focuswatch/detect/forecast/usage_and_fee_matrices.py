"""Arrange daily charges as matrices of usage and of fees that are charged once or monthly.

Each row of a matrix is a leaf: one service of one account for one team and use case. A leaf is the smallest unit whose
charges start and end independently.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from focuswatch.detect.forecast.fit_and_project_daily_costs import WEEK_DAYS, Floats

KEY = ("team", "use_case", "sub_account_id", "service_name")
EVERY_DAY_SHARE = 0.5  # a fee charged on more of the days of the newest four weeks is a daily cost
FOUR_WEEKS = 4 * WEEK_DAYS
AROUND_DAYS = 3  # days on each side of the first of a month
# The first of a month includes a monthly fee if it costs more than this multiple of the days around it.
FIRST_TIMES = 2.0

Key = tuple[str | None, ...]


@dataclass(frozen=True)
class ChargeMatrices:
    """`used[i, d]` and `fees[i, d]` are the costs of leaf `keys[i]` on `first_day` + d.

    `used` is NaN before a leaf's first charge. Columns from `settled_days` on are not settled: their costs can only
    grow.
    """

    keys: list[Key]
    first_day: date
    settled_days: int
    used: Floats
    fees: Floats

    @property
    def settled_until(self) -> date:
        """The first day that is not settled."""
        return self.first_day + timedelta(days=self.settled_days)

    def column(self, day: date) -> int:
        """Return the column of a day, limited to the range of the matrix."""
        return int(min(max((day - self.first_day).days, 0), self.used.shape[1]))


def charge_matrices(columns: dict[str, np.ndarray]) -> ChargeMatrices:
    """Return the matrices of the rows of a forecast query, which has one or more rows per leaf and day."""
    days = columns["charge_date"].astype("datetime64[D]")
    first = days.min()
    offsets = (days - first).astype(int)
    numbers: dict[Key, int] = {}
    rows = zip(*(_texts(columns[name]) for name in KEY), strict=True)
    leaves = np.fromiter((numbers.setdefault(row, len(numbers)) for row in rows), int, count=len(days))
    used = np.zeros((len(numbers), int(offsets.max()) + 1))
    fees = np.zeros_like(used)
    for table, name in ((used, "usage_cost"), (fees, "fee_cost")):
        np.add.at(table, (leaves, offsets), np.ma.filled(columns[name].astype(float), 0.0))
    settled = np.ma.filled(columns["is_settled"].astype(bool), False)
    settled_days = int(offsets[settled].max()) + 1 if settled.any() else 0
    charges = ChargeMatrices(list(numbers), first.astype(date), settled_days, used, fees)
    return _begun(_with_monthly_fees(_with_daily_fees(charges)))


def _texts(column: np.ndarray) -> Sequence[str | None]:
    texts: list[str | None] = np.ma.asarray(column, dtype=object).tolist()
    return texts


def _with_daily_fees(charges: ChargeMatrices) -> ChargeMatrices:
    """Treat a fee charged on most days, such as a commitment's hourly fee, as usage."""
    newest = charges.fees[:, max(charges.settled_days - FOUR_WEEKS, 0) : charges.settled_days]
    daily = (newest != 0).mean(axis=1) > EVERY_DAY_SHARE if newest.size else np.zeros(len(newest), bool)
    used = np.where(daily[:, None], charges.used + charges.fees, charges.used)
    fees = np.where(daily[:, None], 0.0, charges.fees)
    return ChargeMatrices(charges.keys, charges.first_day, charges.settled_days, used, fees)


def _with_monthly_fees(charges: ChargeMatrices) -> ChargeMatrices:
    """Treat the cost of a leaf on each first of a month, above the cost of the days around it, as a monthly fee."""
    used, count = charges.used, charges.used.shape[1]
    firsts = [day for day in range(count) if (charges.first_day + timedelta(days=day)).day == 1]
    baseline = {first: _around(used, first) for first in firsts}
    alive = {first: (used[:, :first] != 0).any(axis=1) | (used[:, first] != 0) for first in firsts}
    above = [~alive[first] | (used[:, first] > FIRST_TIMES * baseline[first]) for first in firsts]
    monthly = (
        np.all(above, axis=0) & np.any([used[:, first] > 0 for first in firsts], axis=0) if firsts else None
    )
    if monthly is None:
        return charges
    used, fees = used.copy(), charges.fees.copy()
    for first in firsts:
        excess = np.where(monthly, np.maximum(used[:, first] - baseline[first], 0.0), 0.0)
        used[:, first] -= excess
        fees[:, first] += excess
    return ChargeMatrices(charges.keys, charges.first_day, charges.settled_days, used, fees)


def _around(used: Floats, day: int) -> Floats:
    """Return the median cost of the days around a day; 0 if there are none."""
    near = [
        other
        for other in range(day - AROUND_DAYS, day + AROUND_DAYS + 1)
        if 0 <= other < used.shape[1] and other != day
    ]
    return np.asarray(np.median(used[:, near], axis=1)) if near else np.zeros(len(used))


def _begun(charges: ChargeMatrices) -> ChargeMatrices:
    """Mark the days before a leaf's first charge as unknown."""
    nonzero = charges.used != 0
    begins = np.where(nonzero.any(axis=1), nonzero.argmax(axis=1), charges.used.shape[1])
    used = np.where(np.arange(charges.used.shape[1]) < begins[:, None], np.nan, charges.used)
    return ChargeMatrices(charges.keys, charges.first_day, charges.settled_days, used, charges.fees)
