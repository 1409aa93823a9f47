"""Shift the baseline to a cost level that has held for weeks, or back to a former level that has returned.

Workdays, weekends and each weekday are tracked separately, because any of them may rise alone. A ramp is not a level:
while costs still climb, the baseline does not shift. Few series are affected on a given day, so the functions work on
row indexes instead of whole arrays.
"""

import numpy as np

from focuswatch.detect.anomaly.accumulate_anomaly_evidence import DayEvaluation
from focuswatch.detect.anomaly.expected_cost_model import DayExpectation, Deviation, ExpectedCostModel, Rows
from focuswatch.detect.anomaly.fit_opening_weeks import NEAR_ZERO_SHARE, Flags, Reals

WORKDAYS, WEEKEND = 0, 1
WEEKDAYS_OF = ((0, 1, 2, 3, 4), (5, 6), *((weekday,) for weekday in range(7)))
GROUPS = len(WEEKDAYS_OF)
# Anomalous days of a weekday group after which its raised level becomes the baseline: three weeks of workdays, or
# twelve weeks of weekend days or of one weekday.
RAISED_DAYS = (16, 24, *7 * (12,))
LOWERED_DAYS = (8, 8, *7 * (12,))  # the same for a lowered level
NORMAL_DAY_TAKES = (1, 3, *7 * (2,))  # days by which a normal day shortens a run
JOINING_DAYS = 2  # anomalous weekend days for the weekend's level to shift together with the workdays' level
JOINING_WEEKS = 6  # anomalous weeks of a weekday for its level to shift together with another weekday's level
STEADY = 0.05  # maximum difference between the quick and the slow average excess, as a share of the level
QUICK_DAYS, SLOW_DAYS = 4, 10  # memory of the two averages
BACK_DAYS = (3, 3)  # workdays or weekend days at a former level after which it is restored
REMEMBERED_DAYS = 120  # how long a former level can be restored
LONG_AGO = -10_000


class BaselineShifts:
    """The state per weekday group and series: the run of anomalous days, their average excess, and the former level."""

    def __init__(self, series: int) -> None:
        def zeros(*shape: int) -> Reals:
            return np.zeros((*shape, series), np.float32)

        self.run = zeros(GROUPS)  # length in days, negative for a lowered level
        self.anomalous_days, self.quick, self.slow = zeros(GROUPS), zeros(GROUPS), zeros(GROUPS)
        self.former, self.back_days = zeros(7), zeros(2)
        self.left_on = np.full((7, series), LONG_AGO)  # day on which the former level was left, by weekday

    def levels_to_adopt(
        self, costs: Reals, expectation: DayExpectation, evaluation: DayEvaluation
    ) -> list[tuple[int, Rows]]:
        """Take in one day; return, by weekday group, the series whose new level has held long enough to be adopted."""
        adopted, kept = [], np.zeros(0, np.intp)
        for group in (class_of(expectation.weekday), 2 + expectation.weekday):
            rows = np.setdiff1d(self._to_adopt_in(group, costs, expectation, evaluation), kept)
            if len(rows):
                adopted.append((group, rows))
                kept = np.concatenate((kept, rows))
        return adopted

    def _to_adopt_in(
        self, of: int, costs: Reals, expectation: DayExpectation, evaluation: DayEvaluation
    ) -> Rows:
        anomalous = evaluation.raised | evaluation.lowered
        rows = np.flatnonzero(anomalous | ((self.run[of] != 0) & evaluation.seen))
        run = self._longer_or_shorter(of, rows, evaluation)
        anomalous_days = np.where(np.abs(run) == 1, 0, self.anomalous_days[of, rows]) + anomalous[rows]
        factor = np.maximum(expectation.factor[rows], NEAR_ZERO_SHARE)
        excess = (costs[rows] - expectation.mean[rows]) / factor
        for track, memory in ((self.quick, QUICK_DAYS), (self.slow, SLOW_DAYS)):
            gain = anomalous[rows] / np.clip(anomalous_days, 1, memory)
            track[of, rows] += gain * (excess - track[of, rows])
        self.run[of, rows], self.anomalous_days[of, rows] = run, anomalous_days
        long_enough = (run >= RAISED_DAYS[of]) | (run <= -LOWERED_DAYS[of])
        return self._steady(of, rows[long_enough], expectation)

    def _longer_or_shorter(self, of: int, rows: Rows, evaluation: DayEvaluation) -> Reals:
        run = self.run[of, rows]
        sign = evaluation.raised[rows].astype(np.float32) - evaluation.lowered[rows]
        longer = np.where(sign * run < 0, sign, run + sign)
        shorter = np.copysign(np.maximum(np.abs(run) - NORMAL_DAY_TAKES[of], 0), run)
        return np.where(sign == 0, shorter, longer)

    def _steady(self, of: int, rows: Rows, expectation: DayExpectation) -> Rows:
        slow = self.slow[of, rows]
        level = np.abs(expectation.level[rows]) + 0.05 * expectation.size[rows] + np.abs(slow)
        steady: Rows = rows[np.abs(self.quick[of, rows] - slow) < STEADY * level]
        return steady

    def adopt(self, of: int, rows: Rows, day: int, model: ExpectedCostModel) -> None:
        """Make the held level the baseline of these series, for this weekday group and the groups that join it."""
        normal, factor = model.profile()[:, rows], np.maximum(model.factor[:, rows], NEAR_ZERO_SHARE)
        means, moved = normal.copy(), np.zeros(normal.shape, np.bool_)
        joining = {group: self._joins(group, of, rows) for group in _may_join(of)}
        for group, chosen in {of: np.ones(len(rows), np.bool_), **joining}.items():
            excess = (self.quick[group, rows] + self.slow[group, rows]) / 2
            for weekday in WEEKDAYS_OF[group]:
                means[weekday] += chosen * excess * factor[weekday]
                moved[weekday] |= chosen
        self.former[:, rows] = np.where(moved, normal, self.former[:, rows])
        self.left_on[:, rows] = np.where(moved, day, self.left_on[:, rows])
        model.jump(rows, means, moved)
        if of in (WORKDAYS, WEEKEND):
            self._reset(rows)
        else:
            self._reset(rows, of)
            for group, chosen in joining.items():
                self._reset(rows[chosen], group)

    def _joins(self, group: int, of: int, rows: Rows) -> Flags:
        least = JOINING_DAYS if of == WORKDAYS else JOINING_WEEKS
        run, leading = self.run[group, rows], self.run[of, rows]
        joins: Flags = (np.abs(run) >= least) & (run * leading > 0)
        return joins

    def returned(self, day: int, costs: Reals, expectation: DayExpectation, deviation: Deviation) -> Rows:
        """Return the series that have been back at their former level for long enough."""
        of = class_of(expectation.weekday)
        rows = np.flatnonzero(self.left_on[expectation.weekday] > day - REMEMBERED_DAYS)
        former = self.former[expectation.weekday, rows]
        unit = np.maximum(np.abs(former), NEAR_ZERO_SHARE * expectation.size[rows]) * expectation.spread[rows]
        from_former = np.abs(costs[rows] - former) / unit
        from_normal = np.abs(deviation.plain[rows])
        there = (from_normal > 2) & (from_former < 2.5) & (from_former < from_normal)
        count = self.back_days[of, rows]
        # A day without data has a deviation of 0, so a gap resets the count.
        count = np.where(there, count + 1, np.where(from_normal < 1, 0, count))
        self.back_days[of, rows] = count
        back: Rows = rows[there & (count >= BACK_DAYS[of])]
        return back

    def restore(self, rows: Rows, expectation: DayExpectation, model: ExpectedCostModel) -> None:
        """Restore the former level of these series, on all weekdays that left it on the same day."""
        together = self.left_on[:, rows] == self.left_on[expectation.weekday, rows]
        model.jump(rows, self.former[:, rows], together)
        self.left_on[:, rows] = np.where(together, LONG_AGO, self.left_on[:, rows])
        self._reset(rows)

    def _reset(self, rows: Rows, of: int | slice = slice(None)) -> None:
        for state in (self.run, self.anomalous_days, self.quick, self.slow):
            state[of, rows] = 0
        self.back_days[:, rows] = 0


def _may_join(of: int) -> tuple[int, ...]:
    if of in (WORKDAYS, WEEKEND):
        return (WEEKEND,) if of == WORKDAYS else ()
    return tuple(group for group in range(WEEKEND + 1, GROUPS) if group != of)


def class_of(weekday: int) -> int:
    """Return WORKDAYS or WEEKEND."""
    return WEEKEND if weekday in WEEKDAYS_OF[WEEKEND] else WORKDAYS
