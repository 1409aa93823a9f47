"""How surely a day is strange, weighed with the days before it.

A hidden Markov filter. Each day a series is usual, or raised to one of a few heights for that day alone, or raised
for longer (and climbing or sinking a little from day to day), or raised at weekends alone (asleep on workdays), or
lowered. One large deviation is enough; so is a week of small ones, which is how a slow ramp or a third raised
weekend shows. What ends is forgotten the day it ends.
"""

from dataclasses import dataclass

import numpy as np

from focuswatch.detect.anomaly.expected_cost import Rows
from focuswatch.detect.anomaly.opening_weeks import Flags, Reals

LOWERED = (-4.0, -2.0)  # heights in standard deviations of the day's noise
RAISED = (1.0, 1.75, 2.5, 3.5, 5.0, 7.0)
SPIKES = 0.02  # chance a day to be out of the usual for that day alone
BEGINS, ENDS = 0.008, 0.08  # chances a day, for longer
WEEKEND_BEGINS, WEEKEND_ENDS = 0.005, 0.07  # chances a weekend day
SCORELESS = 0.01  # odds of being raised that score 0
CLIMBS, SINKS = 0.35, 0.05  # chances a day, where it goes on
LOWEST_WEIGHED, HIGHEST_WEIGHED = -6.0, 9.0  # keeps the likelihoods within float32

_HEIGHTS = np.array(LOWERED + RAISED, np.float32)[:, None]
_HALF_SQUARES = _HEIGHTS**2 / 2
_LOW = len(LOWERED)


@dataclass(frozen=True)
class Verdict:
    """One element per series."""

    score: Reals
    usual: Reals  # probability; 0 where nothing was seen
    seen: Flags
    raised: Flags
    lowered: Flags
    begins: Flags  # raised, and nothing before hinted at it


class Evidence:
    """Odds of every hypothesis against "usual", hypotheses x series, and their sums."""

    def __init__(self, series: int) -> None:
        self.daily = np.zeros((len(_HEIGHTS), series), np.float32)
        self.weekend = np.zeros((len(RAISED), series), np.float32)
        self.lowered, self.raised, self.asleep = np.zeros((3, series), np.float32)
        self.was_raised = np.zeros(series, np.bool_)

    def weigh(self, deviation: Reals, seen: Flags, *, at_weekend: bool) -> Verdict:
        """Take in one day. `deviation` is in standard deviations; where not `seen`, nothing changes."""
        unseen = np.flatnonzero(~seen)
        unforeseen = ~self.was_raised & (self.raised + self.asleep * at_weekend < 1)
        likelihood = _HEIGHTS * np.clip(deviation, LOWEST_WEIGHED, HIGHEST_WEIGHED)
        likelihood -= _HALF_SQUARES
        np.exp(likelihood, out=likelihood)
        still_usual = 1 + ENDS * (self.lowered + self.raised)
        if at_weekend:
            still_usual += WEEKEND_ENDS * self.asleep
        still_usual[unseen] = 1
        likelihood /= still_usual
        self._weigh_daily(likelihood, unseen)
        if at_weekend:
            self._weigh_weekend(likelihood[_LOW:], unseen)
        else:
            self.weekend /= still_usual
        self.asleep = self.weekend.sum(axis=0)
        spikes = np.float32(SPIKES / len(_HEIGHTS)) * seen
        up, down = spikes * likelihood[_LOW:].sum(axis=0), spikes * likelihood[:_LOW].sum(axis=0)
        verdict = self._verdict(deviation, (up, down), seen, unforeseen, at_weekend)
        self._close_day(1 + up + down, at_weekend)
        self.was_raised = np.where(seen, verdict.raised, self.was_raised)
        return verdict

    def _weigh_daily(self, weight: Reals, unseen: Rows) -> None:
        before = self.daily[:, unseen]
        _move(self.daily, ENDS, raised_from=_LOW)
        self.daily += BEGINS / len(_HEIGHTS) * (1 + self.asleep)
        self.daily *= weight
        self.daily[:, unseen] = before
        self.lowered, self.raised = self.daily[:_LOW].sum(axis=0), self.daily[_LOW:].sum(axis=0)

    def _weigh_weekend(self, weight: Reals, unseen: Rows) -> None:
        before = self.weekend[:, unseen]
        _move(self.weekend, WEEKEND_ENDS, raised_from=0)
        self.weekend += WEEKEND_BEGINS / len(RAISED)
        self.weekend *= weight
        self.weekend[:, unseen] = before

    def _verdict(
        self, deviation: Reals, spikes: tuple[Reals, Reals], seen: Flags, unforeseen: Flags, at_weekend: bool
    ) -> Verdict:
        # a workday has nothing to say of weekends: raised weekends are usual to it
        usual = np.ones_like(self.asleep) if at_weekend else 1 + self.asleep
        raised: Reals = (self.raised + self.asleep * at_weekend) / usual + spikes[0]
        lowered: Reals = self.lowered / usual + spikes[1]
        surprise = np.log((raised + np.float32(1e-30)) / SCORELESS)
        score = np.sqrt(2 * np.maximum(surprise, 0)) + np.maximum(deviation - HIGHEST_WEIGHED, 0)
        is_raised = seen & (raised > 1)
        return Verdict(
            score=score * seen,
            usual=seen / (1 + raised + lowered),
            seen=seen,
            raised=is_raised,
            lowered=seen & (lowered > 1) & ~is_raised,
            begins=is_raised & unforeseen,
        )

    def _close_day(self, usual_again: Reals, at_weekend: bool) -> None:
        """Give what was for that day alone back to the usual."""
        for odds in (self.daily, self.raised, self.lowered):
            odds /= usual_again
        if at_weekend:
            self.weekend /= usual_again
            self.asleep /= usual_again

    def forget(self, rows: Rows) -> None:
        """Start these series afresh: what was strange is usual now."""
        self.daily[:, rows] = 0
        self.weekend[:, rows] = 0
        self.lowered[rows] = self.raised[rows] = self.asleep[rows] = 0
        self.was_raised[rows] = False


def _move(odds: Reals, ends: float, *, raised_from: int) -> None:
    """Make `odds` those of a day later, in place: raised heights climb and sink, lowered ones stay."""
    odds *= 1 - ends
    raised = odds[raised_from:]
    climbs, sinks = CLIMBS * raised[:-1], SINKS * raised[1:]
    raised[:-1] += sinks - climbs
    raised[1:] += climbs - sinks
