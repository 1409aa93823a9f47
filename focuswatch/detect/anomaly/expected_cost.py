"""The expected cost of each series: level, growth, weekday factors and noise, updated from day to day.

All series of a block move together, one array element each. A day teaches as far as it is believed normal (see
`evidence`), so an anomaly hardly moves anything. Costs are in units of the series' own size, in float32:
half the memory traffic, and far finer than any noise.
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

LEVEL_DRIFT = 0.0016  # variance a day in units of the noise's: the level forgets in some 25 days
FACTOR_DRIFT = 0.002  # likewise, per week: a weekday's factor forgets in some 22 weeks
DRIFT_NOISE2 = 0.1**2  # noise above this hides how the level drifts: it does not make it drift more
GROWTH_GAIN = 0.8  # of the level's squared gain
LARGEST_GROWTH = 0.05  # a day
GROWTH_FADES = 0.01  # a day, where noise hides it or nothing is seen of it
UNSURE = 0.15  # variance of level and factors after a jump, in units of the noise's
NOISE_MEMORY_DAYS = 200.0
WEEKDAY_NOISE_PRIOR_DAYS, WEEKDAY_NOISE_MEMORY_DAYS = 100.0, 200.0
ERRATIC_NOISE_PRIOR_DAYS = 20.0  # a series charged on Saturdays alone soon shows that its noise is Saturdays'
WEEKDAY_NOISE_RANGE = 0.1, 10.0  # of the variance of all days
TAMED_AT = 2.0  # standard deviations beyond which a day pulls no harder
NOISE_TAMED_AT, HABIT_TAMED_AT = 3.0, 20.0
TAMED_BIAS = 1.03  # what cutting squares at 3 standard deviations takes away
BEND_PER_NOISE, MOST_BEND = 4.0, 0.4
SIZE_MEMORY_DAYS = 28.0
FORMER_SIZE_SHARE, FORMER_SIZE_FADES = (
    0.05,
    0.997,
)  # a series that died measures its cents by what it once was
EVENT_IN_NOISE = np.float32(0.3)  # how far the first day of a rise counts as noise, cut as every day is
ECHO_TAMED_AT = 2.5
ECHO_MEMORY_DAYS, ECHO_PRIOR_DAYS, ECHO_BIAS = 90.0, 20.0, 0.05


@dataclass(frozen=True)
class Forecast:
    """The model's forecast of a day; one element per series."""

    weekday: int
    mean: Reals
    level: Reals
    factor: Reals
    size: Reals
    unit: Reals  # what a residual is measured against
    spread: Reals  # standard deviation of the bent residual in that unit
    doubt: Reals  # 1 + variance of the mean, in units of the noise's
    bend: Reals


@dataclass(frozen=True)
class Deviation:
    """The deviation of a day from its forecast."""

    relative: Reals  # in units of Forecast.unit
    residual: Reals  # likewise, bent
    plain: Reals  # in standard deviations
    fresh: Reals  # likewise, less what yesterday's explains


class Pattern:
    """The state of all series of a block."""

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
        self.before, self.echo_sum, self.echo_days = full(0), full(0), full(0)

    def open(self, rows: Rows, opening: Opening, first_weekday: int) -> None:
        """Start these series, whose opening's window began on `first_weekday`."""
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

    def forecast(self, weekday: int) -> Forecast:
        factor = self.factor[weekday]
        level = self.level * (1 + self.growth)
        mean = level * factor
        size = np.maximum(np.abs(level), self.size)
        self.largest = np.maximum(self.largest * FORMER_SIZE_FADES, size)
        np.maximum(size, FORMER_SIZE_SHARE * self.largest, out=size)
        noise2 = np.maximum(self.noise2 * self.weekday_noise2[weekday], LEAST_NOISE**2)
        doubt = 1 + self.level_doubt + self.factor_doubt[weekday]
        return Forecast(
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

    def deviation(self, costs: Reals, ahead: Forecast) -> Deviation:
        """Return the deviation of `costs` from the forecast.

        Noise that is large in proportion is multiplicative, so it is measured on a scale that bends towards
        the logarithm. A deviation by a noise learnt from few days is a Student's t: it is put back on the
        normal.
        """
        relative = (costs - ahead.mean) / ahead.unit
        bent = np.maximum(ahead.bend * relative, np.float32(-0.95))
        residual: Reals = np.log1p(bent) / ahead.bend  # type: ignore[assignment]
        ratio = residual / ahead.spread
        days = self.noise_days
        plain = np.copysign(np.sqrt(days * np.log1p(ratio * ratio / days)), ratio)
        echo = np.clip(self.echo_sum / (self.echo_days + ECHO_PRIOR_DAYS) - ECHO_BIAS, 0, 0.8)
        known = echo * self.before
        fresh = (plain - known) / np.sqrt(1 - echo * echo * (self.before != 0))
        return Deviation(relative=relative, residual=residual, plain=plain, fresh=fresh)

    def learn(
        self, costs: Reals, seen: Deviation, ahead: Forecast, normal: Reals, *, habits: Rows, begins: Flags
    ) -> None:
        """Move towards the day by `normal`, its probability to be a normal one (0 where nothing was seen).

        Of the series that are `habits` hardly anything is cut off: the frequent is no outlier. Where a rise
        `begins`, the noise alone learns of it: a series with many events earns a little distrust.
        """
        self._learn_noise(seen.residual, ahead, np.maximum(normal, EVENT_IN_NOISE * begins), habits)
        self._learn_echo(seen.plain, normal)
        weekday, doubt = ahead.weekday, ahead.doubt
        reach = TAMED_AT * ahead.spread
        reach[habits] *= HABIT_TAMED_AT / TAMED_AT
        pull = np.clip(seen.relative, -reach, reach) * normal
        factor = self.factor[weekday]
        calm = np.minimum(DRIFT_NOISE2 / self.noise2, 1)
        level_gain, factor_gain = self.level_doubt / doubt, self.factor_doubt[weekday] / doubt
        self.level = ahead.level + level_gain * pull * ahead.size * np.clip(factor / NEAR_ZERO_SHARE, 0, 1)
        self.growth += GROWTH_GAIN * level_gain * level_gain * np.copysign(pull, pull * ahead.level)
        self.growth *= 1 - GROWTH_FADES * np.maximum(1 - calm, normal == 0)
        np.clip(self.growth, -LARGEST_GROWTH, LARGEST_GROWTH, out=self.growth)
        self.factor[weekday] += factor_gain * pull * ahead.unit / away_from_zero(ahead.level, ahead.size)
        self.level_doubt = np.minimum(self.level_doubt * (1 - level_gain * normal) + LEVEL_DRIFT * calm, 0.5)
        self.factor_doubt[weekday] *= 1 - factor_gain * normal
        self.factor_doubt[weekday] = np.minimum(self.factor_doubt[weekday] + FACTOR_DRIFT * calm, 0.5)
        ceiling = np.abs(ahead.mean) + 3 * ahead.spread * ahead.unit
        self.size += (normal > 0) * (np.minimum(np.abs(costs), ceiling) - self.size) / SIZE_MEMORY_DAYS

    def _learn_noise(self, residual: Reals, ahead: Forecast, normal: Reals, habits: Rows) -> None:
        square = (residual / ahead.spread) ** 2
        uncut, counts = np.minimum(square[habits], HABIT_TAMED_AT**2), normal.copy()
        square = np.minimum(square, NOISE_TAMED_AT**2) * TAMED_BIAS
        square[habits], counts[habits] = uncut, normal[habits] > 0
        self.noise2 *= 1 + counts / (self.noise_days + 1) * (square - 1)
        np.maximum(self.noise2, LEAST_NOISE**2, out=self.noise2)
        self.noise_days = np.minimum(self.noise_days + counts, NOISE_MEMORY_DAYS)
        self._learn_weekday_noise(residual / ahead.spread, square, counts, ahead.weekday)

    def _learn_weekday_noise(self, ratio: Reals, square: Reals, counts: Reals, weekday: int) -> None:
        """Learn the noise of a weekday as a multiple of that of all days.

        If two large decreases in a row are on the same weekday, this weekday has its own noise, like that of a weekly
        job. The noise is then learned quickly, and also from decreases that are not believed normal. Large increases
        are no evidence, because they can be anomalies.
        """
        dips = ratio < -TAMED_AT
        again = dips & (self.dipped_on == weekday)
        self.dipped_on[dips] = weekday
        days = self.weekday_noise_days[weekday]
        days = np.where(again, np.minimum(days, ERRATIC_NOISE_PRIOR_DAYS), days)
        counts = np.where(again, np.float32(1), counts)
        noise2 = self.weekday_noise2[weekday] * (1 + counts / (days + 1) * (square - 1))
        self.weekday_noise2[weekday] = np.clip(noise2, *WEEKDAY_NOISE_RANGE)
        self.weekday_noise_days[weekday] = np.minimum(days + counts, WEEKDAY_NOISE_MEMORY_DAYS)

    def _learn_echo(self, plain: Reals, normal: Reals) -> None:
        tamed = np.clip(plain, -ECHO_TAMED_AT, ECHO_TAMED_AT) * normal
        fade = 1 - normal / ECHO_MEMORY_DAYS
        self.echo_sum = self.echo_sum * fade + tamed * self.before
        self.echo_days = self.echo_days * fade + normal * self.before * self.before
        self.before = tamed

    def profile(self) -> Reals:
        """Return the mean of each weekday, 7 x series."""
        return self.level * self.factor

    def jump(self, rows: Rows, means: Reals, moved: Flags) -> None:
        """Take `means` as what the weekdays that `moved` is expected to cost from now on; both are 7 x rows."""
        profile = np.where(moved, means, self.profile()[:, rows])
        level = profile.mean(axis=0)
        self.size[rows] = np.maximum(self.size[rows], np.abs(level))
        level = away_from_zero(level, self.size[rows])
        self.level[rows], self.factor[:, rows] = level, profile / level
        self.level_doubt[rows] = np.maximum(self.level_doubt[rows], UNSURE)
        doubt = self.factor_doubt[:, rows]
        self.factor_doubt[:, rows] = np.where(moved, np.maximum(doubt, UNSURE), doubt)
