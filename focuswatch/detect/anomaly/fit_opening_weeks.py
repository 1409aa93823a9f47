"""Fit the model to the first four weeks of a series, robustly: a few anomalous days hardly affect the fit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Reals = NDArray[np.float32]
Flags = NDArray[np.bool_]

WEEKS = 4
OPENING_DAYS = 7 * WEEKS
# Minimum noise relative to the expected cost; without it, one cent on a constant series would be infinitely anomalous.
LEAST_NOISE = 0.02
NEAR_ZERO_SHARE = 0.25  # days with a lower expected cost are measured against this share of the level
FITTED_TERMS = 9  # level, growth, seven weekdays
PRIOR_NOISE, PRIOR_NOISE_DAYS = 0.10, 8  # noise assumed before any data, and its weight in days
WEEKDAY_SPREAD = 0.5  # typical deviation of weekday factors from 1; noise shrinks larger ones
GROWTH_SPREAD = 0.006  # typical growth per day, used in the same way

PASSES = 6
HABIT_STARTS = 3  # outliers that start this often in four weeks are normal for the series
EIGHT_IN_TEN = 1.2816  # standard deviations that contain 80 % of a normal distribution

_DAYS = (np.arange(OPENING_DAYS, dtype=np.float32) - (OPENING_DAYS - 1)).reshape(WEEKS, 7, 1)


@dataclass(frozen=True)
class Opening:
    """The fitted model on the last day of the window: one element per series, or 7 x series for values by weekday."""

    level: Reals
    growth: Reals  # relative, per day
    factor: Reals  # by day of the window's week, which can start on any weekday
    noise: Reals  # relative standard deviation of a day
    size: Reals  # mean absolute cost
    observed_days: Reals
    observed_weekdays: Reals
    erratic: Flags  # mostly zero, or with outliers too frequent to be anomalous


def fit_opening(costs: Reals) -> Opening:
    """Return the robust fit of level x growth x weekday factor to `costs`, 28 days x series with NaN gaps."""
    weeks = costs.reshape(WEEKS, 7, -1)
    seen = np.isfinite(weeks)
    filled = np.where(seen, weeks, np.float32(0))
    size = np.abs(filled).sum(axis=(0, 1)) / seen.sum(axis=(0, 1), dtype=np.float32)
    level, growth = _first_level(filled, seen, size), np.zeros_like(size)
    mostly_zero = _quantile(np.abs(filled), seen, 0.5) == 0
    factor = np.ones_like(weeks[0])
    for turn in range(PASSES):
        base = level * (1 + growth * _DAYS)
        mean = base * factor
        unit = np.maximum(np.abs(mean), NEAR_ZERO_SHARE * size)
        residual = np.where(seen, (filled - mean) / unit, np.float32(0))
        noise, erratic = _noise(residual, seen, mostly_zero)
        reach = (4.0 if turn < 2 else 2.5) * noise
        capped = mean + np.clip(residual, -reach, reach) * unit
        factor = _factors(capped / away_from_zero(base, size), seen, noise)
        level, growth = _trend(capped, seen, factor, noise, size)
    observed_days = seen.sum(axis=(0, 1), dtype=np.float32)
    return Opening(
        level=level,
        growth=growth,
        factor=factor,
        noise=_believed_noise(np.clip(residual, -3 * noise, 3 * noise), observed_days),
        size=size,
        observed_days=observed_days,
        observed_weekdays=seen.sum(axis=0, dtype=np.float32),
        erratic=erratic,
    )


def _first_level(filled: Reals, seen: Flags, size: Reals) -> Reals:
    """Return the median of each series, or its mean if the median is near zero."""
    median = _quantile(filled, seen, 0.5)
    mean = filled.sum(axis=(0, 1)) / seen.sum(axis=(0, 1), dtype=np.float32)
    return np.where(np.abs(median) > 0.05 * size, median, mean)


def _noise(residual: Reals, seen: Flags, mostly_zero: Flags) -> tuple[Reals, Flags]:
    """Return a robust standard deviation (the plain one for erratic series), and which series are erratic."""
    robust = np.maximum(_quantile(np.abs(residual), seen, 0.8) / EIGHT_IN_TEN, LEAST_NOISE)
    outlying = (np.abs(residual) > 4 * robust).reshape(OPENING_DAYS, -1)
    starts = (outlying[1:] & ~outlying[:-1]).sum(axis=0) + outlying[0]
    erratic = mostly_zero | (starts >= HABIT_STARTS)
    plain = np.sqrt((residual**2).sum(axis=(0, 1)) / seen.sum(axis=(0, 1), dtype=np.float32))
    return np.where(erratic, np.maximum(plain, robust), robust), erratic


def _factors(ratio: Reals, seen: Flags, noise: Reals) -> Reals:
    """Return the mean ratio per weekday, shrunk towards 1 as far as noise could explain it; the factors average 1."""
    days = seen.sum(axis=0, dtype=np.float32)
    mean = (ratio * seen).sum(axis=0) / np.maximum(days, 1)
    factor: Reals = 1 + (mean - 1) * days / (days + (noise / WEEKDAY_SPREAD) ** 2)
    factor /= np.maximum(factor.mean(axis=0), 0.05)
    return factor


def _trend(capped: Reals, seen: Flags, factor: Reals, noise: Reals, size: Reals) -> tuple[Reals, Reals]:
    """Return the level on the last day and the relative daily growth, by least squares weighted by weekday factors."""
    weight = seen * np.clip(factor, 0, 4)
    total = np.maximum(weight.sum(axis=(0, 1)), 1e-9)
    flat = capped / np.where(np.abs(factor) < 0.05, np.float32(0.05), factor)
    middle = (weight * _DAYS).sum(axis=(0, 1)) / total
    mean = (weight * flat).sum(axis=(0, 1)) / total
    off = weight * (_DAYS - middle)
    spread = np.maximum((off * (_DAYS - middle)).sum(axis=(0, 1)), 1e-9)
    growth = (off * (flat - mean)).sum(axis=(0, 1)) / spread / away_from_zero(mean, size)
    growth *= GROWTH_SPREAD**2 / (GROWTH_SPREAD**2 + noise**2 / spread)
    level = mean * (1 - growth * middle)
    return level, np.clip(growth * mean / away_from_zero(level, size), -0.03, 0.03)


def _believed_noise(residual: Reals, observed_days: Reals) -> Reals:
    freedom = np.maximum(observed_days - FITTED_TERMS, 5)
    squares = (residual**2).sum(axis=(0, 1)) + np.float32(PRIOR_NOISE_DAYS * PRIOR_NOISE**2)
    noise: Reals = np.sqrt(squares / (freedom + PRIOR_NOISE_DAYS))
    return noise


def _quantile(values: Reals, seen: Flags, share: float) -> Reals:
    """Return the quantile of each series over its days with data, rounded down to an existing value."""
    ordered = np.where(seen, values, np.float32(np.inf)).reshape(OPENING_DAYS, -1).T.copy()
    ordered.sort(axis=1)
    place = (share * (seen.sum(axis=(0, 1)) - 1)).astype(np.intp)
    chosen: Reals = ordered[np.arange(len(ordered)), place]
    return chosen


def away_from_zero(value: Reals, size: Reals) -> Reals:
    """Return `value`, moved away from zero to at least a twentieth of `size`, so that it can be a divisor."""
    least = np.maximum(np.float32(0.05) * size, np.float32(1e-30))
    away: Reals = np.copysign(np.maximum(np.abs(value), least), value)
    return away
