"""Project daily costs: level, weekday factors, fading trend, and the error of their sum.

Arrays have one element per series. Several averages with different memories, from a few days to a season, track the
level in parallel. Each series weighs them by how well they would have predicted its own following weeks. A steady
series is therefore averaged over months, and a series that has just changed follows its new level. Each series is
divided by its own mean, so the projection does not depend on the currency unit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MEMORIES = (0.02, 0.06, 0.15, 0.35, 0.7)  # share by which one day moves the level
TEST_DAYS = 7  # days ahead for which a memory is tested on the past
TEST_DECAY = 0.97  # daily decay of the weight of past tests
BEST_MEMORY_EXPONENT = 16.0  # exponent of the test errors; with a higher one, the best memory dominates
WEEK_DAYS = 7
FLAT_WEEKS = 0.1  # weight, in weeks, of a factor of 1 in the mean factor of a weekday
WEEKS_DECAY = 0.97  # decay of the weight per week
INACTIVE_BELOW = 0.1  # a weekday with a smaller factor is ignored in the level
AROUND_DAYS = 2  # days on each side with which a day is compared to find outliers
LEAST_NOISE = 0.02
TINY = 1e-12
OUTLIER_CAP = 4.0  # typical deviations at which the influence of a day is capped
TREND_DAYS = 84
TREND_DECAY = 0.95  # decay per day ahead
MOST_AUTOCORRELATION = 0.95  # maximum correlation of a day's error with that of the day before
HALF_TREND_T2 = 12.0  # squared slope over its variance at which half of the slope is used
TREND_EXPONENT = 3.0  # how abruptly the used part of the slope changes there
FIRST_DAYS = 7  # first days of the history, on which the level is not tested yet
DRIFT_TEST_DAYS = (7, 14)  # lengths of the sums of days that are tested on the past to measure the drift
UNTESTED_DRIFT_DAYS = 10.0  # without such tests, the drift is the daily noise divided by this


@dataclass(frozen=True)
class Projection:
    """A projection: `means` and `errors` are series x days ahead.

    An error is the standard deviation of the cumulative cost up to that day.
    """

    means: Floats
    errors: Floats


def project_costs(costs: Floats, *, first_weekday: int, days: int) -> Projection:
    """Return the projection of the `days` after the last column of `costs`.

    `costs` is series x consecutive days, oldest first, NaN where unknown. `first_weekday` is the weekday of the first
    column, 0 Monday. A series without any cost is projected to cost nothing.
    """
    seen = np.isfinite(costs)
    size = np.abs(np.where(seen, costs, 0.0)).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    unit = np.where(size > 0, size, 1.0)
    table = costs / unit[:, None]
    weekdays = (first_weekday + np.arange(table.shape[1] + days)) % WEEK_DAYS
    factors = week_of(table, weekdays[: table.shape[1]])
    flat = _flat(table, factors[:, weekdays[: table.shape[1]]])
    slope, doubt = _slope(flat)
    flat = flat - slope[:, None] * np.arange(1 - flat.shape[1], 1)
    levels = _levels(_without_outliers(flat))
    weights = _weights(flat, levels)
    level = (weights * levels[:, :, -1]).sum(axis=0)
    steps = np.cumsum(TREND_DECAY ** np.arange(1, days + 1))
    coming = factors[:, weekdays[table.shape[1] :]]
    means = np.maximum(level[:, None] + slope[:, None] * steps, 0.0) * coming
    errors = np.hypot(_errors(flat, levels, weights, coming), np.sqrt(doubt)[:, None] * np.cumsum(steps))
    return Projection(means * unit[:, None], errors * unit[:, None])


def week_of(table: Floats, weekdays: NDArray[np.int64]) -> Floats:
    """Return the factor of each weekday, series x 7, with a mean of 1.

    Newer weeks count more. With little history, the factors are closer to 1.
    """
    count = table.shape[1]
    width = np.minimum(np.arange(count) + 4, count) - np.maximum(np.arange(count) - 3, 0)
    around = _moving_mean(table)
    ratio = np.where(around > 0, np.clip(table / np.where(around > 0, around, 1.0), 0.0, 5.0), np.nan)
    ratio[:, width < WEEK_DAYS] = np.nan
    weight = np.isfinite(ratio) * WEEKS_DECAY ** ((count - 1 - np.arange(count)) // WEEK_DAYS)
    ratio = np.where(np.isfinite(ratio), ratio, 0.0)
    factors = np.ones((len(table), WEEK_DAYS))
    for weekday in range(WEEK_DAYS):
        on = weekdays == weekday
        known = weight[:, on].sum(axis=1)
        factors[:, weekday] = ((ratio[:, on] * weight[:, on]).sum(axis=1) + FLAT_WEEKS) / (known + FLAT_WEEKS)
    factors[factors < INACTIVE_BELOW / 5] = 0.0
    return np.asarray(factors / np.maximum(factors.mean(axis=1, keepdims=True), TINY))


def _flat(table: Floats, factors: Floats) -> Floats:
    """Return the costs divided by the weekday factors; NaN on unknown days and on inactive weekdays."""
    active = factors >= INACTIVE_BELOW
    return np.where(active, table / np.where(active, factors, 1.0), np.nan)


def _moving_mean(table: Floats) -> Floats:
    """Return the mean of the known days among the seven days around each day."""
    seen = np.isfinite(table)
    padded = np.pad(np.where(seen, table, 0.0), ((0, 0), (3, 4))).cumsum(axis=1)
    counted = np.pad(seen.astype(float), ((0, 0), (3, 4))).cumsum(axis=1)
    before = np.pad(padded, ((0, 0), (1, 0)))[:, : table.shape[1]]
    counted_before = np.pad(counted, ((0, 0), (1, 0)))[:, : table.shape[1]]
    total = padded[:, 6 : 6 + table.shape[1]] - before
    number = counted[:, 6 : 6 + table.shape[1]] - counted_before
    return np.asarray(total / np.maximum(number, 1))


def _without_outliers(flat: Floats) -> Floats:
    """Return the costs with outliers cut to the range of noise. An outlier is far from the median around it."""
    filled = np.pad(_filled(flat), ((0, 0), (AROUND_DAYS, AROUND_DAYS)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(filled, 2 * AROUND_DAYS + 1, axis=1)
    middle = np.median(windows, axis=2)
    off = np.abs(filled[:, AROUND_DAYS:-AROUND_DAYS] - middle)
    typical = 1.48 * np.median(off, axis=1, keepdims=True) + LEAST_NOISE * np.abs(middle).mean(
        axis=1, keepdims=True
    )
    return np.clip(flat, middle - OUTLIER_CAP * typical, middle + OUTLIER_CAP * typical)


def _filled(flat: Floats) -> Floats:
    """Return the costs with unknown days filled from the last known day, or at the start from the first known day."""
    seen = np.isfinite(flat)
    first = np.where(seen.any(axis=1), seen.argmax(axis=1), 0)
    latest = np.maximum.accumulate(np.where(seen, np.arange(flat.shape[1]), first[:, None]), axis=1)
    return np.asarray(np.nan_to_num(np.take_along_axis(flat, latest, axis=1)))


def _levels(flat: Floats) -> Floats:
    """Return the level after each day for each memory: memories x series x days."""
    seen = np.isfinite(flat)
    values = np.where(seen, flat, 0.0)
    rank = np.cumsum(seen, axis=1)
    level = np.zeros((len(MEMORIES), len(flat)))
    found = np.empty((len(MEMORIES), *flat.shape))
    gains = np.array(MEMORIES)[:, None]
    for day in range(flat.shape[1]):
        gain = np.maximum(gains, 1.0 / np.maximum(rank[:, day], 1)) * seen[:, day]
        level = level + gain * (values[:, day] - level)
        found[:, :, day] = level
    return found


def _weights(flat: Floats, levels: Floats) -> Floats:
    """Return the weight of each memory, by how well it predicted the mean of the next week: memories x series."""
    count = flat.shape[1]
    if count <= TEST_DAYS + FIRST_DAYS:
        return np.full(levels.shape[:2], 1.0 / len(MEMORIES))
    came = np.lib.stride_tricks.sliding_window_view(flat, TEST_DAYS, axis=1)[:, 1:].mean(axis=2)
    error = np.abs(levels[:, :, : count - TEST_DAYS] - came)[:, :, FIRST_DAYS:]
    known = np.isfinite(error) * TEST_DECAY ** np.arange(error.shape[2])[::-1]
    missed = (np.where(np.isfinite(error), error, 0.0) * known).sum(axis=2) / np.maximum(
        known.sum(axis=2), 1e-9
    )
    weights = ((missed + 1e-6) / (missed.min(axis=0) + 1e-6)) ** -BEST_MEMORY_EXPONENT
    return np.asarray(weights / weights.sum(axis=0))


def _slope(flat: Floats) -> tuple[Floats, Floats]:
    """Return the daily change of the level, reduced as far as noise could explain it, and its variance."""
    window = flat[:, -TREND_DAYS:]
    seen = np.isfinite(window)
    known = np.maximum(seen.sum(axis=1, keepdims=True), 1)
    days = np.where(seen, np.arange(window.shape[1], dtype=float), 0.0)
    days = np.where(seen, days - days.sum(axis=1, keepdims=True) / known, 0.0)
    values = np.where(seen, window, 0.0)
    values = np.where(seen, values - values.sum(axis=1, keepdims=True) / known, 0.0)
    spread = np.maximum((days**2).sum(axis=1), 1.0)
    slope = (days * values).sum(axis=1) / spread
    rest = values - slope[:, None] * days
    doubt = (rest**2).sum(axis=1) / np.maximum(known[:, 0] - 2, 1) / spread
    autocorrelation = (rest[:, 1:] * rest[:, :-1]).sum(axis=1) / np.maximum((rest**2).sum(axis=1), TINY)
    # Correlated days are weaker evidence than independent ones.
    autocorrelation = np.clip(autocorrelation, 0.0, MOST_AUTOCORRELATION)
    doubt *= (1 + autocorrelation) / (1 - autocorrelation)
    sure = (slope**2 / np.maximum(doubt, TINY)) ** TREND_EXPONENT
    sure = np.where(seen.sum(axis=1) >= TREND_DAYS // 2, sure / (sure + HALF_TREND_T2**TREND_EXPONENT), 0.0)
    return slope * sure, doubt * sure


def _errors(flat: Floats, levels: Floats, weights: Floats, coming: Floats) -> Floats:
    """Return the standard deviation of the cumulative cost of the days ahead, from daily noise and level drift."""
    blend = (weights[:, :, None] * levels).sum(axis=0)
    running = np.pad(np.where(np.isfinite(flat), flat, blend).cumsum(axis=1), ((0, 0), (1, 0)))
    noise = _missed(running, blend, 1)
    drifts = [
        (_missed(running, blend, days) - days * noise) * 3 / days**3
        for days in DRIFT_TEST_DAYS
        if flat.shape[1] >= 2 * days + FIRST_DAYS
    ]
    drift = np.maximum(np.mean(drifts, axis=0), 0.0) if drifts else noise / UNTESTED_DRIFT_DAYS
    steps = np.arange(1, coming.shape[1] + 1)
    errors: Floats = np.sqrt(noise[:, None] * steps + drift[:, None] * steps**3 / 3)
    return errors * (coming.cumsum(axis=1) / steps)


def _missed(running: Floats, blend: Floats, days: int) -> Floats:
    """Return the mean squared error of the sum of `days` days, predicted from the level of the day before."""
    missed = running[:, days:] - running[:, :-days]
    missed = missed[:, FIRST_DAYS + 1 :] - days * blend[:, FIRST_DAYS : blend.shape[1] - days]
    if not missed.shape[1]:  # too little history to test: the error is as large as the cost itself
        return np.asarray((days * blend[:, -1]) ** 2)
    return np.asarray((missed**2).mean(axis=1))
