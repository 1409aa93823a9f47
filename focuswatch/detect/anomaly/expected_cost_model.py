"""Model the expected cost of each series: level, growth, weekday factors and noise, updated day by day.

Arrays have one element for each series of a block. The model learns from a day in proportion to the probability that
the day is normal (see `accumulate_anomaly_evidence`), so an anomaly hardly changes it. Costs are in multiples of the
series' own size, as float32: this halves the memory traffic, and float32 is far more precise than any noise.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from focuswatch.detect.anomaly.fit_opening_weeks import (
    FITTED_TERMS,
    LEAST_NOISE,
    NEAR_ZERO_SHARE,
    PRIOR_NOISE_DAYS,
    WEEKDAY_SPREAD,
    Flags,
    Opening,
    Reals,
    away_from_zero,
)

Rows = NDArray[np.intp]

LEVEL_DRIFT = 0.0016  # variance per day in units of the noise variance: the level's memory is about 25 days
FACTOR_DRIFT = 0.002  # the same per week: a weekday factor's memory is about 22 weeks
DRIFT_NOISE2 = 0.1**2  # noise variance above which the level does not drift more: noise only hides the drift
GROWTH_GAIN = 0.8  # multiple of the level's squared gain
LARGEST_GROWTH = 0.05  # per day
GROWTH_FADES = 0.01  # per day, if noise hides the growth or there is no data
UNSURE = 0.15  # variance of level and factors after a jump, in units of the noise variance
NOISE_MEMORY_DAYS = 200.0
WEEKDAY_NOISE_PRIOR_DAYS, WEEKDAY_NOISE_MEMORY_DAYS = 100.0, 200.0
# Lower, because a series that is charged only on Saturdays soon shows that its noise is on Saturdays.
ERRATIC_NOISE_PRIOR_DAYS = 20.0
WEEKDAY_NOISE_RANGE = 0.1, 10.0  # multiples of the variance of all days
OUTLIER_CAP = 2.0  # standard deviations at which the influence of a day is capped
NOISE_OUTLIER_CAP, HABIT_OUTLIER_CAP = 3.0, 20.0
CAP_BIAS = 1.03  # corrects the variance for squares that are cut at 3 standard deviations
BEND_PER_NOISE, MOST_BEND = 4.0, 0.4
SIZE_MEMORY_DAYS = 28.0
# A series whose cost has almost stopped is measured against a share of its former size, which fades daily.
FORMER_SIZE_SHARE, FORMER_SIZE_FADES = 0.05, 0.997
EVENT_IN_NOISE = np.float32(0.3)  # minimum weight of the first day of an increase in the noise
# Autocorrelation is the correlation of a day's deviation with that of the day before.
AUTOCORRELATION_CAP = 2.5
AUTOCORRELATION_MEMORY_DAYS, AUTOCORRELATION_PRIOR_DAYS, AUTOCORRELATION_BIAS = 90.0, 20.0, 0.05


@dataclass(frozen=True)
class DayExpectation:
    """The model's forecast of a day; one element per series."""

    weekday: int
    mean: Reals
    level: Reals
    factor: Reals
    size: Reals
    unit: Reals  # scale of a residual
    spread: Reals  # standard deviation of the bent residual, in that unit
    doubt: Reals  # 1 + variance of the mean, in units of the noise variance
    bend: Reals  # how strongly residuals bend towards the logarithm; see ExpectedCostModel.deviation


@dataclass(frozen=True)
class Deviation:
    """The deviation of a day from its forecast."""

    relative: Reals  # in units of DayExpectation.unit
    residual: Reals  # the same, bent towards the logarithm
    plain: Reals  # in standard deviations
    fresh: Reals  # the same, without the part that yesterday's deviation explains


class ExpectedCostModel:
    """The model state of all series of a block."""

    def __init__(self, series: int) -> None:
        def full(value: float, *shape: int) -> Reals:
            return np.full((*shape, series), value, np.float32)

        self.level, self.growth, self.factor = full(1), full(0), full(1, 7)
        self.level_doubt, self.factor_doubt = full(UNSURE), full(UNSURE, 7)
        self.noise2, self.noise_days = full(0.01), full(20)
        self.weekday_noise2 = full(1, 7)
        self.weekday_noise_days = full(WEEKDAY_NOISE_PRIOR_DAYS, 7)
        self.dipped_on = np.full(series, -1)  # weekday of the last day far below its forecast
        self.size, self.largest = full(1), full(1)
        self.before, self.autocorrelation_sum, self.autocorrelation_days = full(0), full(0), full(0)

    def open(self, rows: Rows, opening: Opening, first_weekday: int) -> None:
        """Initialize these series from the fit of their opening weeks, which began on `first_weekday`."""
        self.level[rows], self.growth[rows] = opening.level, opening.growth
        self.factor[:, rows] = np.roll(opening.factor, first_weekday, axis=0)
        self.size[rows] = self.largest[rows] = opening.size
        self.noise2[rows] = opening.noise**2
        prior = np.where(opening.erratic, ERRATIC_NOISE_PRIOR_DAYS, WEEKDAY_NOISE_PRIOR_DAYS)
        self.weekday_noise_days[:, rows] = prior
        self.noise_days[rows] = np.maximum(opening.observed_days - FITTED_TERMS, 3) + PRIOR_NOISE_DAYS
        self.level_doubt[rows] = 4 / opening.observed_days
        believed = (opening.noise / WEEKDAY_SPREAD) ** 2
        doubt = 1 / (opening.observed_weekdays + believed)
        self.factor_doubt[:, rows] = np.roll(doubt, first_weekday, axis=0)

    def forecast(self, weekday: int) -> DayExpectation:
        factor = self.factor[weekday]
        level = self.level * (1 + self.growth)
        mean = level * factor
        size = np.maximum(np.abs(level), self.size)
        self.largest = np.maximum(self.largest * FORMER_SIZE_FADES, size)
        np.maximum(size, FORMER_SIZE_SHARE * self.largest, out=size)
        noise2 = np.maximum(self.noise2 * self.weekday_noise2[weekday], LEAST_NOISE**2)
        doubt = 1 + self.level_doubt + self.factor_doubt[weekday]
        return DayExpectation(
            weekday=weekday,
            mean=mean,
            level=level,
            factor=factor.copy(),
            size=size,
            unit=np.maximum(np.abs(mean), NEAR_ZERO_SHARE * size),
            spread=np.sqrt(noise2 * doubt),
            doubt=doubt,
            bend=np.clip(BEND_PER_NOISE * np.sqrt(noise2), 0.05, MOST_BEND),
        )

    def deviation(self, costs: Reals, expectation: DayExpectation) -> Deviation:
        """Return the deviation of `costs` from the forecast.

        Noise that is large relative to the cost is multiplicative, so it is measured on a scale that bends towards
        the logarithm. With noise learned from few days, a deviation follows Student's t distribution; it is converted
        to the normal distribution.
        """
        relative = (costs - expectation.mean) / expectation.unit
        bent = np.maximum(expectation.bend * relative, np.float32(-0.95))
        residual: Reals = np.log1p(bent) / expectation.bend  # type: ignore[assignment]
        ratio = residual / expectation.spread
        days = self.noise_days
        plain = np.copysign(np.sqrt(days * np.log1p(ratio * ratio / days)), ratio)
        autocorrelation = np.clip(
            self.autocorrelation_sum / (self.autocorrelation_days + AUTOCORRELATION_PRIOR_DAYS)
            - AUTOCORRELATION_BIAS,
            0,
            0.8,
        )
        known = autocorrelation * self.before
        fresh = (plain - known) / np.sqrt(1 - autocorrelation * autocorrelation * (self.before != 0))
        return Deviation(relative=relative, residual=residual, plain=plain, fresh=fresh)

    def learn(
        self,
        costs: Reals,
        seen: Deviation,
        expectation: DayExpectation,
        normal: Reals,
        *,
        habits: Rows,
        begins: Flags,
    ) -> None:
        """Learn from the day, weighted by `normal`, the probability that the day is normal (0 without data).

        For series in `habits`, almost nothing is cut off, because frequent increases are not outliers. Where an
        increase `begins`, the noise learns from the day even if it is not normal, so a series with many such increases
        becomes slightly less sensitive.
        """
        self._learn_noise(seen.residual, expectation, np.maximum(normal, EVENT_IN_NOISE * begins), habits)
        self._learn_autocorrelation(seen.plain, normal)
        weekday, doubt = expectation.weekday, expectation.doubt
        reach = OUTLIER_CAP * expectation.spread
        reach[habits] *= HABIT_OUTLIER_CAP / OUTLIER_CAP
        pull = np.clip(seen.relative, -reach, reach) * normal
        factor = self.factor[weekday]
        calm = np.minimum(DRIFT_NOISE2 / self.noise2, 1)
        level_gain, factor_gain = self.level_doubt / doubt, self.factor_doubt[weekday] / doubt
        self.level = expectation.level + level_gain * pull * expectation.size * np.clip(
            factor / NEAR_ZERO_SHARE, 0, 1
        )
        self.growth += GROWTH_GAIN * level_gain * level_gain * np.copysign(pull, pull * expectation.level)
        self.growth *= 1 - GROWTH_FADES * np.maximum(1 - calm, normal == 0)
        np.clip(self.growth, -LARGEST_GROWTH, LARGEST_GROWTH, out=self.growth)
        self.factor[weekday] += (
            factor_gain * pull * expectation.unit / away_from_zero(expectation.level, expectation.size)
        )
        self.level_doubt = np.minimum(self.level_doubt * (1 - level_gain * normal) + LEVEL_DRIFT * calm, 0.5)
        self.factor_doubt[weekday] *= 1 - factor_gain * normal
        self.factor_doubt[weekday] = np.minimum(self.factor_doubt[weekday] + FACTOR_DRIFT * calm, 0.5)
        ceiling = np.abs(expectation.mean) + 3 * expectation.spread * expectation.unit
        self.size += (normal > 0) * (np.minimum(np.abs(costs), ceiling) - self.size) / SIZE_MEMORY_DAYS

    def _learn_noise(self, residual: Reals, expectation: DayExpectation, normal: Reals, habits: Rows) -> None:
        square = (residual / expectation.spread) ** 2
        uncut, counts = np.minimum(square[habits], HABIT_OUTLIER_CAP**2), normal.copy()
        square = np.minimum(square, NOISE_OUTLIER_CAP**2) * CAP_BIAS
        square[habits], counts[habits] = uncut, normal[habits] > 0
        self.noise2 *= 1 + counts / (self.noise_days + 1) * (square - 1)
        np.maximum(self.noise2, LEAST_NOISE**2, out=self.noise2)
        self.noise_days = np.minimum(self.noise_days + counts, NOISE_MEMORY_DAYS)
        self._learn_weekday_noise(residual / expectation.spread, square, counts, expectation.weekday)

    def _learn_weekday_noise(self, ratio: Reals, square: Reals, counts: Reals, weekday: int) -> None:
        """Learn the noise of a weekday as a multiple of the noise of all days.

        If two consecutive large decreases fall on the same weekday, that weekday has its own noise, as with a weekly
        job. The noise is then learned quickly, and also from decreases that are probably not normal. Large increases
        do not count, because they can be anomalies.
        """
        dips = ratio < -OUTLIER_CAP
        again = dips & (self.dipped_on == weekday)
        self.dipped_on[dips] = weekday
        days = self.weekday_noise_days[weekday]
        days = np.where(again, np.minimum(days, ERRATIC_NOISE_PRIOR_DAYS), days)
        counts = np.where(again, np.float32(1), counts)
        noise2 = self.weekday_noise2[weekday] * (1 + counts / (days + 1) * (square - 1))
        self.weekday_noise2[weekday] = np.clip(noise2, *WEEKDAY_NOISE_RANGE)
        self.weekday_noise_days[weekday] = np.minimum(days + counts, WEEKDAY_NOISE_MEMORY_DAYS)

    def _learn_autocorrelation(self, plain: Reals, normal: Reals) -> None:
        capped = np.clip(plain, -AUTOCORRELATION_CAP, AUTOCORRELATION_CAP) * normal
        fade = 1 - normal / AUTOCORRELATION_MEMORY_DAYS
        self.autocorrelation_sum = self.autocorrelation_sum * fade + capped * self.before
        self.autocorrelation_days = self.autocorrelation_days * fade + normal * self.before * self.before
        self.before = capped

    def profile(self) -> Reals:
        """Return the mean of each weekday, 7 x series."""
        return self.level * self.factor

    def jump(self, rows: Rows, means: Reals, moved: Flags) -> None:
        """Set the expected cost of the weekdays that `moved` to `means`; both are 7 x rows."""
        profile = np.where(moved, means, self.profile()[:, rows])
        level = profile.mean(axis=0)
        self.size[rows] = np.maximum(self.size[rows], np.abs(level))
        level = away_from_zero(level, self.size[rows])
        self.level[rows], self.factor[:, rows] = level, profile / level
        self.level_doubt[rows] = np.maximum(self.level_doubt[rows], UNSURE)
        doubt = self.factor_doubt[:, rows]
        self.factor_doubt[:, rows] = np.where(moved, np.maximum(doubt, UNSURE), doubt)
