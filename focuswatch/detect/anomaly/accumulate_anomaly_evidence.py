"""Weigh the evidence that a day is anomalous, together with the evidence of the days before it.

The method is a hidden Markov filter. On each day, a series is in one of these states: as expected; raised to one of
several heights on that day only; raised for longer, climbing or sinking a little from day to day; raised only on
weekends or only on one weekday, and inactive on other days; or lowered. One large deviation is enough evidence. So is a
week of small ones, which is how a slow ramp or the third raised Tuesday is found.

A day must also stand out by itself, however raised the days before it were: its own deviation limits its score. Without
this limit, the days after an anomaly would inherit its certainty: in series with 15 % noise, one in four days after a
ramp was flagged.
"""

from dataclasses import dataclass

import numpy as np

from focuswatch.detect.anomaly.expected_cost_model import Rows
from focuswatch.detect.anomaly.fit_opening_weeks import Flags, Reals

LOWERED = (-4.0, -2.0)  # heights in standard deviations of the day's noise
RAISED = (1.0, 1.75, 2.5, 3.5, 5.0, 7.0)
SPIKES = 0.02  # daily probability of a deviation that lasts only that day
BEGINS, ENDS = 0.008, 0.08  # daily probabilities that a longer deviation starts or ends
BOUND_TO = ((5, 6), *((weekday,) for weekday in range(7)))  # groups of weekdays that can be raised alone
BOUND_BEGINS = (0.005, *7 * (0.003,))  # probabilities per day of the group
BOUND_ENDS = (0.07, *7 * (0.25,))
SCORELESS = 0.01  # odds of being raised that score 0
OWN_SHARE, OWN_LESS = 3.0, 2.0  # maximum score: the day's own deviation times OWN_SHARE, minus OWN_LESS
CLIMBS, SINKS = 0.35, 0.05  # daily probabilities that a continuing increase moves one height up or down
LOWEST_WEIGHED, HIGHEST_WEIGHED = -6.0, 9.0  # limits of a deviation that keep the likelihoods within float32

_HEIGHTS = np.array(LOWERED + RAISED, np.float32)[:, None]
_HALF_SQUARES = _HEIGHTS**2 / 2
_LOW = len(LOWERED)


@dataclass(frozen=True)
class DayEvaluation:
    """The evaluation of one day, with one element per series."""

    score: Reals
    normal: Reals  # probability that the day is normal; 0 without data
    seen: Flags
    raised: Flags
    lowered: Flags
    begins: Flags  # raised, without evidence on the days before


class Evidence:
    """The odds of each hypothesis against normal, hypotheses x series, and their sums."""

    def __init__(self, series: int) -> None:
        self.daily = np.zeros((len(_HEIGHTS), series), np.float32)
        self.bound = np.zeros((len(BOUND_TO), len(RAISED), series), np.float32)
        self.bound_sum = np.zeros((len(BOUND_TO), series), np.float32)
        # Logarithm of the factor by which the odds of all hypotheses have shrunk, now and when each weekday group was
        # last active. The many odds of inactive groups are only updated on the day on which the group becomes active.
        self.lost = np.zeros(series, np.float32)
        self.lost_before = np.zeros((len(BOUND_TO), series), np.float32)
        self.lowered, self.raised = np.zeros((2, series), np.float32)
        self.was_raised = np.zeros(series, np.bool_)

    def weigh(self, deviation: Reals, seen: Flags, *, weekday: int, erratic: Flags) -> DayEvaluation:
        """Take in one day. `deviation` is in standard deviations; series that are not `seen` do not change.

        In an `erratic` series, no single weekday counts as raised alone, because the series may be charged only on it.
        """
        unseen = np.flatnonzero(~seen)
        active = [number for number, weekdays in enumerate(BOUND_TO) if weekday in weekdays]
        bound, inactive = self._bound(active)
        foreseen = (self.raised + bound) / (1 + inactive)
        likelihood = _HEIGHTS * np.clip(deviation, LOWEST_WEIGHED, HIGHEST_WEIGHED)
        likelihood -= _HALF_SQUARES
        np.exp(likelihood, out=likelihood)
        still_normal = 1 + ENDS * (self.lowered + self.raised)
        for number in active:
            still_normal += BOUND_ENDS[number] * self.bound_sum[number]
        still_normal[unseen] = 1
        likelihood /= still_normal
        self._weigh_daily(likelihood, inactive, unseen)
        self._weigh_bound(active, likelihood[_LOW:], still_normal, unseen, ~erratic)
        spikes = np.float32(SPIKES / len(_HEIGHTS)) * seen
        up, down = spikes * likelihood[_LOW:].sum(axis=0), spikes * likelihood[:_LOW].sum(axis=0)
        evaluation = self._evaluation(deviation, (up, down), seen, self._bound(active), foreseen)
        self._close_day(1 + up + down)
        self.was_raised = np.where(seen, evaluation.raised, self.was_raised)
        return evaluation

    def _bound(self, active: list[int]) -> tuple[Reals, Reals]:
        """Return the odds that only certain weekdays are raised: those that include today, and others."""
        today, others = np.zeros_like(self.raised), np.zeros_like(self.raised)
        # A loop instead of a sum, because NumPy sums a single column in another order.
        for number, odds in enumerate(self.bound_sum):
            sum_of = today if number in active else others
            sum_of += odds
        return today, others

    def _weigh_daily(self, weight: Reals, inactive: Reals, unseen: Rows) -> None:
        before = self.daily[:, unseen]
        _move(self.daily, ENDS, raised_from=_LOW)
        self.daily += BEGINS / len(_HEIGHTS) * (1 + inactive)
        self.daily *= weight
        self.daily[:, unseen] = before
        self.lowered, self.raised = self.daily[:_LOW].sum(axis=0), self.daily[_LOW:].sum(axis=0)

    def _weigh_bound(
        self, active: list[int], weight: Reals, still_normal: Reals, unseen: Rows, regular: Flags
    ) -> None:
        for number in active:
            odds = self.bound[number]
            odds *= np.exp(self.lost_before[number] - self.lost)
            before = odds[:, unseen]
            _move(odds, BOUND_ENDS[number], raised_from=0)
            odds += np.float32(BOUND_BEGINS[number] / len(RAISED)) * (regular if number else 1)
            odds *= weight
            odds[:, unseen] = before
        self.bound_sum /= still_normal
        self.bound_sum[active] = self.bound[active].sum(axis=1)
        self.lost += np.log(still_normal)
        self.lost_before[active] = self.lost

    def _evaluation(
        self,
        deviation: Reals,
        spikes: tuple[Reals, Reals],
        seen: Flags,
        bound: tuple[Reals, Reals],
        foreseen: Reals,
    ) -> DayEvaluation:
        # A series that is raised only on other weekdays is normal today.
        active, inactive = bound
        normal = 1 + inactive
        raised: Reals = (self.raised + active) / normal + spikes[0]
        lowered: Reals = self.lowered / normal + spikes[1]
        surprise = np.log((raised + np.float32(1e-30)) / SCORELESS)
        score = np.sqrt(2 * np.maximum(surprise, 0)) + np.maximum(deviation - HIGHEST_WEIGHED, 0)
        score = np.minimum(score, np.maximum(OWN_SHARE * deviation - OWN_LESS, 0))
        is_raised = seen & (raised > 1)
        return DayEvaluation(
            score=score * seen,
            normal=seen / (1 + raised + lowered),
            seen=seen,
            raised=is_raised,
            lowered=seen & (lowered > 1) & ~is_raised,
            begins=is_raised & ~self.was_raised & (foreseen < 1),
        )

    def _close_day(self, back_to_normal: Reals) -> None:
        """Return the weight of one-day deviations to the normal state."""
        for odds in (self.daily, self.raised, self.lowered):
            odds /= back_to_normal
        self.bound_sum /= back_to_normal
        self.lost += np.log(back_to_normal)

    def forget(self, rows: Rows) -> None:
        """Reset these series, because their anomalous level is now the baseline."""
        self.daily[:, rows] = 0
        self.bound[:, :, rows] = 0
        self.bound_sum[:, rows] = 0
        self.lowered[rows] = self.raised[rows] = 0
        self.was_raised[rows] = False


def _move(odds: Reals, ends: float, *, raised_from: int) -> None:
    """Advance `odds` by one day, in place: raised heights climb and sink, lowered heights stay."""
    odds *= 1 - ends
    raised = odds[raised_from:]
    climbs, sinks = CLIMBS * raised[:-1], SINKS * raised[1:]
    raised[:-1] += sinks - climbs
    raised[1:] += climbs - sinks
