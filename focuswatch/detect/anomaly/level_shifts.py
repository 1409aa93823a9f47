"""When strange becomes usual: a level that has held for weeks is adopted, one known before is recognised.

Workdays and weekends are followed apart, since either may rise alone. A ramp is no level: while costs still
climb, nothing is adopted. On most days this concerns few series, so it works on rows rather than on all.
"""

import numpy as np
from numpy.typing import NDArray

from focuswatch.detect.anomaly.anomaly_evidence import Verdict
from focuswatch.detect.anomaly.expected_cost import Deviation, Forecast, Pattern, Rows
from focuswatch.detect.anomaly.opening_weeks import NEAR_ZERO_SHARE, Reals

WEEKDAYS_OF = (np.arange(5), np.arange(5, 7))
WORKDAYS, WEEKEND = 0, 1
RAISED_DAYS = (16, 24)  # days of the class: three weeks, and twelve for weekends alone
LOWERED_DAYS = (8, 8)
USUAL_DAY_TAKES = (1, 3)  # days of a run that a usual day takes back
JOINING_DAYS = 2  # strange weekend days that make the workdays' new level the weekend's too
STEADY = 0.05  # of the level: how far the last days may lie from the last weeks
QUICK_DAYS, SLOW_DAYS = 4, 10
BACK_DAYS = (3, 2)  # days at a former level that bring it back
REMEMBERED_DAYS = 120
LONG_AGO = -10_000

HABIT_MEMORY_DAYS = 60
HABIT_STARTS_A_DAY = 0.15
YOUNG_DAYS, YOUNG_HABIT_STARTS_A_DAY = 180, 0.06  # a young series is still showing what it is like


class Levels:
    """Per class of weekday and series: the run of strange days, their excess, and the level left behind."""

    def __init__(self, series: int) -> None:
        def zeros(*shape: int) -> Reals:
            return np.zeros((*shape, series), np.float32)

        self.run = zeros(2)  # negative where lowered
        self.strange_days, self.quick, self.slow = zeros(2), zeros(2), zeros(2)
        self.former, self.back_days = zeros(7), zeros(2)
        self.left_on = np.full((2, series), LONG_AGO)
        self.starts, self.erratic = zeros(), np.zeros(series, np.bool_)

    def habits(self, verdict: Verdict, age_days: NDArray[np.int64]) -> Rows:
        """The series whose isolated rises come so often that they are how the series is."""
        self.starts += verdict.seen * (verdict.begins - self.starts) * np.float32(1 / HABIT_MEMORY_DAYS)
        self.erratic |= (self.starts > YOUNG_HABIT_STARTS_A_DAY) & (age_days < YOUNG_DAYS)
        return np.flatnonzero(self.erratic | (self.starts > HABIT_STARTS_A_DAY))

    def held(self, costs: Reals, ahead: Forecast, verdict: Verdict) -> Rows:
        """Take in one day; the series that have held a new level long enough to keep it."""
        of = class_of(ahead.weekday)
        strange = verdict.raised | verdict.lowered
        rows = np.flatnonzero(strange | ((self.run[of] != 0) & verdict.seen))
        run = self._longer_or_shorter(of, rows, verdict)
        strange_days = np.where(np.abs(run) == 1, 0, self.strange_days[of, rows]) + strange[rows]
        factor = np.maximum(ahead.factor[rows], NEAR_ZERO_SHARE)
        excess = (costs[rows] - ahead.mean[rows]) / factor
        for track, memory in ((self.quick, QUICK_DAYS), (self.slow, SLOW_DAYS)):
            gain = strange[rows] / np.clip(strange_days, 1, memory)
            track[of, rows] += gain * (excess - track[of, rows])
        self.run[of, rows], self.strange_days[of, rows] = run, strange_days
        long_enough = (run >= RAISED_DAYS[of]) | (run <= -LOWERED_DAYS[of])
        return self._steady(of, rows[long_enough], ahead)

    def _longer_or_shorter(self, of: int, rows: Rows, verdict: Verdict) -> Reals:
        run = self.run[of, rows]
        sign = verdict.raised[rows].astype(np.float32) - verdict.lowered[rows]
        longer = np.where(sign * run < 0, sign, run + sign)
        shorter = np.copysign(np.maximum(np.abs(run) - USUAL_DAY_TAKES[of], 0), run)
        return np.where(sign == 0, shorter, longer)

    def _steady(self, of: int, rows: Rows, ahead: Forecast) -> Rows:
        slow = self.slow[of, rows]
        level = np.abs(ahead.level[rows]) + 0.05 * ahead.size[rows] + np.abs(slow)
        steady: Rows = rows[np.abs(self.quick[of, rows] - slow) < STEADY * level]
        return steady

    def adopt(self, rows: Rows, day: int, ahead: Forecast, pattern: Pattern) -> None:
        """Make the held level of these series their usual one."""
        of = class_of(ahead.weekday)
        joins = np.abs(self.run[WEEKEND, rows]) >= JOINING_DAYS
        joins &= self.run[WEEKEND, rows] * self.run[WORKDAYS, rows] > 0
        groups = ((of, rows), (WEEKEND, rows[joins])) if of == WORKDAYS else ((of, rows),)
        usual, factor = pattern.profile(), np.maximum(pattern.factor, NEAR_ZERO_SHARE)
        for group, chosen in groups:
            cells = np.ix_(WEEKDAYS_OF[group], chosen)
            excess = (self.quick[group, chosen] + self.slow[group, chosen]) / 2
            self.former[cells], self.left_on[group, chosen] = usual[cells], day
            pattern.jump(chosen, WEEKDAYS_OF[group], usual[cells] + excess * factor[cells])
        self._reset(rows)

    def returned(self, day: int, costs: Reals, ahead: Forecast, deviation: Deviation) -> Rows:
        """The series that have been back at the level they left, for long enough to be believed."""
        of = class_of(ahead.weekday)
        rows = np.flatnonzero(self.left_on[of] > day - REMEMBERED_DAYS)
        former = self.former[ahead.weekday, rows]
        unit = np.maximum(np.abs(former), NEAR_ZERO_SHARE * ahead.size[rows]) * ahead.spread[rows]
        from_former = np.abs(costs[rows] - former) / unit
        from_usual = np.abs(deviation.plain[rows])
        there = (from_usual > 2) & (from_former < 2.5) & (from_former < from_usual)
        count = self.back_days[of, rows]
        # costs not seen deviate by nothing: a gap starts the count again
        count = np.where(there, count + 1, np.where(from_usual < 1, 0, count))
        self.back_days[of, rows] = count
        back: Rows = rows[there & (count >= BACK_DAYS[of])]
        return back

    def restore(self, rows: Rows, ahead: Forecast, pattern: Pattern) -> None:
        """Give these series back the level that they had left, on all days that left it together."""
        of = class_of(ahead.weekday)
        together = self.left_on[WORKDAYS, rows] == self.left_on[WEEKEND, rows]
        for group, chosen in ((of, rows), (1 - of, rows[together])):
            cells = np.ix_(WEEKDAYS_OF[group], chosen)
            pattern.jump(chosen, WEEKDAYS_OF[group], self.former[cells])
            self.left_on[group, chosen] = LONG_AGO
        self._reset(rows)

    def _reset(self, rows: Rows) -> None:
        for state in (self.run, self.strange_days, self.quick, self.slow, self.back_days):
            state[:, rows] = 0


def class_of(weekday: int) -> int:
    """WORKDAYS or WEEKEND."""
    return WEEKEND if weekday in WEEKDAYS_OF[WEEKEND] else WORKDAYS
