"""Generate series with uneven weekdays, month ends and short anomalies, and score them by a rolling trend.

Two years from Monday 2024-01-01 with 15 % noise; each weekday's factor is drawn from 0.5 to 1.7, growth is linear and
up to 10 % of the initial level a month, and the last three days of a month cost 5 % more. The first year is clean.
The second has an anomaly every month: a spike of one or two days, an increase of one weekday over two to four weeks, or
a ramp of 7 to 14 days. `noise` and `family` set the noise: normal, or gamma, which is skewed like costs.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np

YEAR, DAYS = 365, 730
FIRST_SCORED = 28  # the scorer needs four weeks of history
MONTH_END_DAYS, MONTH_END_FACTOR = 3, 1.05
DAYS_A_MONTH = 365 / 12
SPIKE, WEEKDAY, RAMP = KINDS = (1, 2, 3)
KIND_NAMES = ("spikes", "weekday increases", "ramps")
_CALENDAR = [date(2024, 1, 1) + timedelta(days=day) for day in range(DAYS)]
_MONTH_END = np.array([(day + timedelta(days=MONTH_END_DAYS)).month != day.month for day in _CALENDAR])


@dataclass(frozen=True)
class Uneven:
    """Daily costs, the kind of anomaly of each day (0: none), and the true mean and deviation."""

    costs: np.ndarray
    kinds: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray


def uneven(
    *, seed: int, series: int, noise: float = 0.15, family: Literal["normal", "gamma"] = "normal"
) -> Uneven:
    """Return `series` x 730 days from a Monday, as the module describes them."""
    rng = np.random.default_rng([seed, 77])
    day = np.arange(DAYS)
    week = rng.uniform(0.5, 1.7, (series, 7))
    trend = 1 + rng.uniform(0, 0.10, (series, 1)) * day / DAYS_A_MONTH
    level = 10 ** rng.uniform(1, 4, (series, 1))
    mean = level * trend * week[:, day % 7] * np.where(_MONTH_END, MONTH_END_FACTOR, 1)
    factor, kinds = np.ones((series, DAYS)), np.zeros((series, DAYS), np.int8)
    for row in range(series):
        starts = rng.permutation(np.arange(YEAR + 5, DAYS - 35, 30)) + rng.integers(0, 5)
        for start, kind in zip(starts, (SPIKE,) * 5 + (WEEKDAY,) * 3 + (RAMP,) * 3, strict=True):
            days, increase = _anomaly(kind, int(start), rng)
            factor[row, days] += increase
            kinds[row, days] = kind
    if family == "normal":
        drawn = 1 + noise * rng.standard_normal((series, DAYS))
    else:
        drawn = rng.gamma(noise**-2, noise**2, (series, DAYS))
    return Uneven(np.maximum(mean * factor * drawn, 0), kinds, mean, mean * noise)


def _anomaly(kind: int, start: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the days of an anomaly and the increase of each as a share of the mean."""
    if kind == SPIKE:
        days = np.arange(start, start + rng.integers(1, 3))
        return days, np.full(len(days), rng.uniform(0.4, 1.2))
    if kind == WEEKDAY:
        days = np.arange(start, start + 7 * int(rng.integers(2, 5)), 7)
        return days, np.full(len(days), rng.uniform(0.25, 0.7))
    length = int(rng.integers(7, 15))
    return np.arange(start, start + length), rng.uniform(0.3, 0.8) * np.arange(1, length + 1) / length


def rolling_trend(costs: np.ndarray) -> np.ndarray:
    """Return the relative excess over a trend of six weeks times the weekday's median ratio in eight weeks."""
    series, days = costs.shape
    sums = np.cumsum(np.pad(costs, ((0, 0), (1, 0))), axis=1)
    ratios = np.full_like(costs, np.nan)
    ratios[:, 3 : days - 3] = costs[:, 3 : days - 3] / np.maximum((sums[:, 7:] - sums[:, :-7]) / 7, 1e-9)
    excess = np.zeros_like(costs)
    for day in range(98, days):
        # Ratios to the mean of the centered week are known until three days before.
        week = ratios[:, day - 59 : day - 3].reshape(series, 8, 7)
        factor = np.maximum(np.median(week, axis=1), 1e-9)  # factors of the weekdays from (day - 59) % 7 on
        flat = costs[:, day - 42 : day] / factor[:, (np.arange(day - 42, day) - (day - 59)) % 7]
        earlier, later = np.median(flat[:, :21], axis=1), np.median(flat[:, 21:], axis=1)
        expected = (later + (later - earlier) / 21 * 11) * factor[:, 59 % 7]
        excess[:, day] = costs[:, day] / np.maximum(expected, 1e-9) - 1
    return excess


@dataclass(frozen=True)
class Quality:
    """Quality in the second year, at the threshold that the budgeted share of the clean year's days exceeds."""

    f1: float
    false_rate: float  # false alarms on days without an anomaly, as a multiple of the budget
    false_rate_after: float  # likewise, in the week after an anomaly
    recall: tuple[float, ...]  # by kind


def quality(scores: np.ndarray, kinds: np.ndarray, *, budget: float, settled_in: int) -> Quality:
    """Evaluate the days kinds_of_year the second year."""
    flagged = scores[:, YEAR:] > np.quantile(scores[:, settled_in:YEAR], 1 - budget)
    kinds_of_year, anomalous = kinds[:, YEAR:], kinds[:, YEAR:] > 0
    week_after = _week_after(anomalous)
    hits = (flagged & anomalous).sum()
    return Quality(
        f1=float(2 * hits / (flagged.sum() + anomalous.sum())),
        false_rate=float(flagged[~anomalous].mean() / budget),
        false_rate_after=float(flagged[week_after & ~anomalous].mean() / budget),
        recall=tuple(float(flagged[kinds_of_year == kind].mean()) for kind in KINDS),
    )


@dataclass(frozen=True)
class Days:
    """Precision, recall and F1 of the days of the second year, and false days per 1,000 days without an anomaly."""

    precision: float
    recall: float
    f1: float
    clean: float  # in the first year, which has no anomaly
    week_after: float  # in the week after an anomaly of the second year


def by_day(flagged: np.ndarray, anomalous: np.ndarray) -> Days:
    """Evaluate flagged days against the anomalous ones."""
    chosen, truth = flagged[:, YEAR:], anomalous[:, YEAR:]
    hits, after = (chosen & truth).sum(), _week_after(truth) & ~truth
    return Days(
        precision=float(hits / max(chosen.sum(), 1)),
        recall=float(hits / truth.sum()),
        f1=float(2 * hits / (chosen.sum() + truth.sum())),
        clean=float(flagged[:, FIRST_SCORED:YEAR].mean() * 1000),
        week_after=float(chosen[after].mean() * 1000),
    )


def _week_after(anomalous: np.ndarray) -> np.ndarray:
    after = np.zeros_like(anomalous)
    for lag in range(1, 8):
        after[:, lag:] |= anomalous[:, :-lag]
    return after
