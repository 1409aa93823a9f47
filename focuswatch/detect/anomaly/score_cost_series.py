"""Score each day of many daily cost series, one block of series at a time."""

from dataclasses import dataclass

import numpy as np

from focuswatch.detect.anomaly.accumulate_anomaly_evidence import Evidence
from focuswatch.detect.anomaly.adopt_baseline_shifts import BaselineShifts
from focuswatch.detect.anomaly.expected_cost_model import ExpectedCostModel, Rows
from focuswatch.detect.anomaly.fit_opening_weeks import OPENING_DAYS, Floats, Reals, fit_opening
from focuswatch.detect.anomaly.frequent_increases import FrequentIncreases

BLOCK_SERIES = 8192  # limits memory, and keeps a block's state in the CPU cache
LEAST_OBSERVED_DAYS = 14  # minimum days with data in the 28 opening days
TRY_AGAIN_DAYS = 7  # days until opening weeks with too little data are fitted again
FARTHEST = 1e9  # maximum cost in multiples of the series' size, so that its square fits into float32
SMALLEST, LARGEST = 1e-200, 1e200  # range of mean costs that can be a divisor


@dataclass(frozen=True)
class Scored:
    """The scores, expected costs and deviations of a table of costs, each in the shape of that table."""

    scores: Floats  # 0 is normal, higher is more anomalous; see `score_daily_costs`
    expected: Floats  # expected cost of the day; NaN while there is not enough history
    deviations: Reals  # of the day alone, in standard deviations of its noise; 0 without a score


def score_daily_costs(costs: Floats, first_weekday: int) -> Scored:
    """Return how anomalous each day is, forecast from the days before it.

    A score of 0 is normal, and higher scores are comparable to standard deviations. `costs` is series x consecutive
    days, oldest first, NaN where there is no data. `first_weekday` is the weekday of the first column, 0 Monday to 6
    Sunday. Consecutive raised days, a climb, or repeatedly raised weekends score higher than each of their days alone;
    a decrease scores 0. The score of a day depends only on that day and earlier days of its series, and not on the
    currency unit. It is 0, and never NaN, on days without data and on the 28 days from the first charge of a series
    (longer while fewer than half of them have data). Zeros before the first charge are not history. The caller chooses
    the threshold (see athena_sql/detections/cost_anomaly.sql). Raises ValueError if `costs` does not have two
    dimensions or contains an infinity, or if `first_weekday` is not a weekday.
    """
    table = _checked(costs, first_weekday)
    scored = Scored(
        scores=np.zeros(table.shape),
        expected=np.full(table.shape, np.nan),
        deviations=np.zeros(table.shape, np.float32),
    )
    if table.shape[1] > OPENING_DAYS:
        for begin in range(0, len(table), BLOCK_SERIES):
            _score_block(scored, table, slice(begin, begin + BLOCK_SERIES), first_weekday=int(first_weekday))
    return scored


def _score_block(scored: Scored, table: Floats, rows: slice, *, first_weekday: int) -> None:
    block = _Block(np.ascontiguousarray(table[rows].T), first_weekday).run()
    scored.scores[rows], scored.expected[rows] = block.scores.T, block.expected.T
    scored.deviations[rows] = block.deviations.T


def _checked(costs: Floats, first_weekday: int) -> Floats:
    table = np.asarray(costs, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"costs must have two dimensions, series and days; found {table.ndim}.")
    if first_weekday not in range(7):
        raise ValueError(f"first_weekday must be 0 (Monday) to 6 (Sunday); found {first_weekday!r}.")
    if np.isinf(table).any():
        raise ValueError("costs must be finite, or NaN where there is no data; found an infinity.")
    return table


class _Block:
    """Series that are scored together; `costs` is days x series."""

    def __init__(self, costs: Floats, first_weekday: int) -> None:
        self.costs, self.first_weekday = costs, first_weekday
        days, series = costs.shape
        charged = np.isfinite(costs) & (costs != 0)
        first = np.where(charged.any(axis=0), charged.argmax(axis=0), days)
        self.opens_on = first + OPENING_DAYS
        self.unit = np.ones(series)
        self.model, self.evidence = ExpectedCostModel(series), Evidence(series)
        self.shifts, self.increases = BaselineShifts(series), FrequentIncreases(series)

    def run(self) -> Scored:
        """Return scores, expected costs and deviations, days x series."""
        scores, expected = np.zeros(self.costs.shape), np.full(self.costs.shape, np.nan)
        deviations = np.zeros(self.costs.shape, np.float32)
        for day in range(OPENING_DAYS, len(self.costs)):
            due = np.flatnonzero(self.opens_on == day)
            if len(due):
                self._open(due, day)
            if (self.opens_on <= day).any():
                scores[day], expected[day], deviations[day] = self._score_day(day)
        return Scored(scores, expected, deviations)

    def _open(self, rows: Rows, day: int) -> None:
        begin = day - OPENING_DAYS
        # NumPy sums a single column in another order, and a series' score must not depend on the series in its block.
        rows = np.repeat(rows, 2) if len(rows) == 1 else rows
        window = self.costs[begin:day, rows]
        seen = np.isfinite(window)
        days = seen.sum(axis=0)
        size = np.abs(np.where(seen, window, 0)).sum(axis=0) / np.maximum(days, 1)
        enough = (days >= LEAST_OBSERVED_DAYS) & (size > SMALLEST) & (size < LARGEST)
        self.opens_on[rows[~enough]] = day + TRY_AGAIN_DAYS
        if not enough.any():
            return
        # Series without enough history are opened with placeholder costs, and opened again when they have enough.
        self.unit[rows] = np.where(enough, size, 1)
        opening = fit_opening(np.where(enough, window / self.unit[rows], 1).astype(np.float32))
        self.model.open(rows, opening, (self.first_weekday + begin) % 7)
        self.increases.erratic[rows] = opening.erratic

    def _score_day(self, day: int) -> tuple[Floats, Floats, Reals]:
        model, shifts = self.model, self.shifts
        weekday, age_days = (self.first_weekday + day) % 7, day - self.opens_on
        seen = (age_days >= 0) & np.isfinite(self.costs[day])
        unseen = np.flatnonzero(~seen)
        expectation = model.forecast(weekday)
        costs = np.clip(self.costs[day] / self.unit, -FARTHEST, FARTHEST).astype(np.float32)
        costs[unseen] = expectation.mean[unseen]
        deviation = model.deviation(costs, expectation)
        evaluation = self.evidence.weigh(
            deviation.fresh, seen, weekday=weekday, erratic=self.increases.erratic
        )
        adopted = shifts.levels_to_adopt(costs, expectation, evaluation)
        back = shifts.returned(day, costs, expectation, deviation)
        habits = self.increases.habits(evaluation, age_days)
        model.learn(costs, deviation, expectation, evaluation.normal, habits=habits, begins=evaluation.begins)
        for group, rows in adopted:
            shifts.adopt(group, rows, day, model)
        if len(back):
            shifts.restore(back, expectation, model)
        self.evidence.forget(np.concatenate((*(rows for _, rows in adopted), back)))
        expected = expectation.mean * self.unit
        expected[age_days < 0] = np.nan
        return evaluation.score.astype(np.float64), expected, deviation.fresh * seen
