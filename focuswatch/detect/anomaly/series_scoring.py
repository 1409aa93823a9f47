"""Score tables of series, a block of series at a time."""

from dataclasses import dataclass

import numpy as np

from focuswatch.detect.anomaly.baseline_shifts import Levels
from focuswatch.detect.anomaly.expected_cost import Pattern, Rows
from focuswatch.detect.anomaly.fit_opening_weeks import OPENING_DAYS, Floats, Reals, fit_opening
from focuswatch.detect.anomaly.weigh_anomaly_evidence import Evidence

# The score from which a day is an alarm. On clean simulated series, noise of 5 to 15 %, it is passed less than once in
# 1,000 days whatever their trend, week and shape of noise, and more often where levels wander. Days before an alarm
# count from less (see `anomaly_onset`), which finds more days than a lower threshold would, and without more alarms.
# benchmarks/anomaly.py measures both.
ANOMALY_THRESHOLD = 3.75

BLOCK_SERIES = 8192  # bounds memory, and lets a block's state stay in the processor's cache
LEAST_OBSERVED_DAYS = 14  # of an opening's 28
TRY_AGAIN_DAYS = 7
FARTHEST = 1e9  # times a series' own size: float32's squares end before its numbers do
SMALLEST, LARGEST = 1e-200, 1e200  # mean costs that can be divided by


@dataclass(frozen=True)
class Scored:
    """All of the shape of the costs, series x days."""

    scores: Floats  # 0 normal, higher more anomalous; see `score`
    expected: Floats  # what the day was expected to cost; NaN while there is not enough history
    deviations: Reals  # of the day alone, in standard deviations of its noise; 0 where there is no score


def score(costs: Floats, first_weekday: int) -> Floats:
    """Return how anomalous each day is: 0 is normal, and higher scores compare to standard deviations.

    `costs` is series x consecutive days, oldest first, NaN where there is no data; `first_weekday` is the first
    column's, 0 Monday to 6 Sunday. Raised days on end, a climb, or weekends raised again and again score higher than
    each of their days alone; a fall never scores. A day's score depends on that day and earlier ones of its series
    alone, and not on the unit of money. It is 0, and never NaN, where there is no data and in the 28 days from a
    series' first charge on (longer while half of them have no data); leading zeros are no history.
    `ANOMALY_THRESHOLD` suits most uses. Raises ValueError when `costs` has not two dimensions or holds an
    infinity, or `first_weekday` is no weekday.
    """
    return score_with_expectation(costs, first_weekday).scores


def score_with_expectation(costs: Floats, first_weekday: int) -> Scored:
    """Return scores and the expected cost of each day, forecast from the days before it."""
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
        self.pattern, self.evidence, self.levels = Pattern(series), Evidence(series), Levels(series)

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
        # numpy adds up a lone column in another order, and a series' score must not depend on its company
        rows = np.repeat(rows, 2) if len(rows) == 1 else rows
        window = self.costs[begin:day, rows]
        seen = np.isfinite(window)
        days = seen.sum(axis=0)
        size = np.abs(np.where(seen, window, 0)).sum(axis=0) / np.maximum(days, 1)
        enough = (days >= LEAST_OBSERVED_DAYS) & (size > SMALLEST) & (size < LARGEST)
        self.opens_on[rows[~enough]] = day + TRY_AGAIN_DAYS
        if not enough.any():
            return
        # those without enough history are opened with the rest, and again when they have it
        self.unit[rows] = np.where(enough, size, 1)
        opening = fit_opening(np.where(enough, window / self.unit[rows], 1).astype(np.float32))
        self.pattern.open(rows, opening, (self.first_weekday + begin) % 7)
        self.levels.erratic[rows] = opening.erratic

    def _score_day(self, day: int) -> tuple[Floats, Floats, Reals]:
        pattern, levels = self.pattern, self.levels
        weekday, age_days = (self.first_weekday + day) % 7, day - self.opens_on
        seen = (age_days >= 0) & np.isfinite(self.costs[day])
        unseen = np.flatnonzero(~seen)
        ahead = pattern.forecast(weekday)
        costs = np.clip(self.costs[day] / self.unit, -FARTHEST, FARTHEST).astype(np.float32)
        costs[unseen] = ahead.mean[unseen]
        deviation = pattern.deviation(costs, ahead)
        verdict = self.evidence.weigh(deviation.fresh, seen, weekday=weekday, erratic=levels.erratic)
        held = levels.held(costs, ahead, verdict)
        back = levels.returned(day, costs, ahead, deviation)
        habits = levels.habits(verdict, age_days)
        pattern.learn(costs, deviation, ahead, verdict.normal, habits=habits, begins=verdict.begins)
        for group, rows in held:
            levels.adopt(group, rows, day, pattern)
        if len(back):
            levels.restore(back, ahead, pattern)
        self.evidence.forget(np.concatenate((*(rows for _, rows in held), back)))
        expected = ahead.mean * self.unit
        expected[age_days < 0] = np.nan
        return verdict.score.astype(np.float64), expected, deviation.fresh * seen
