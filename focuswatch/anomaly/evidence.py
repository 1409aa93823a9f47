"""How surely a day is strange, weighed with the days before it.

A hidden Markov filter. Each day a series is usual, or raised to one of a few heights (and stays so, climbing
or sinking a little from day to day), or raised at weekends alone (asleep on workdays), or lowered. One large
deviation is enough; so is a week of small ones, which is how a slow ramp or a third raised weekend shows.
What ends is forgotten the day it ends.
"""

from dataclasses import dataclass

import numpy as np

from focuswatch.anomaly.opening import Flags, Reals
from focuswatch.anomaly.pattern import Rows

LOWERED = (-4.0, -2.0)  # heights in standard deviations of the day's noise
RAISED = (1.0, 1.75, 2.5, 3.5, 5.0, 7.0)
BEGINS, ENDS = 0.01, 0.10  # chances a day
WEEKEND_BEGINS, WEEKEND_ENDS = 0.005, 0.07  # chances a weekend day
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

    def weigh(self, deviation: Reals, seen: Flags, *, at_weekend: bool) -> Verdict:
        """Take in one day. `deviation` is in standard deviations; where not `seen`, nothing changes."""
        unseen = np.flatnonzero(~seen)
        unforeseen = self.raised + self.asleep * at_weekend < 1
        likelihood = _HEIGHTS * np.clip(deviation, LOWEST_WEIGHED, HIGHEST_WEIGHED)
        likelihood -= _HALF_SQUARES
        np.exp(likelihood, out=likelihood)
        likelihood[:, unseen] = 1
        still_usual = 1 + ENDS * (self.lowered + self.raised)
        if at_weekend:
            still_usual += WEEKEND_ENDS * self.asleep
        still_usual[unseen] = 1
        self._weigh_daily(likelihood / still_usual, unseen)
        if at_weekend:
            self._weigh_weekend(likelihood[_LOW:] / still_usual, unseen)
        else:
            self.weekend /= still_usual
        self.asleep = self.weekend.sum(axis=0)
        return self._verdict(deviation, seen, unforeseen, at_weekend)

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

    def _verdict(self, deviation: Reals, seen: Flags, unforeseen: Flags, at_weekend: bool) -> Verdict:
        if at_weekend:
            raised, lowered = self.raised + self.asleep, self.lowered
        else:  # a workday has nothing to say of weekends: raised weekends are usual to it
            raised, lowered = self.raised / (1 + self.asleep), self.lowered / (1 + self.asleep)
        surprise = np.log((raised + np.float32(1e-30)) / BEGINS)
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

    def forget(self, rows: Rows) -> None:
        """Start these series afresh: what was strange is usual now."""
        self.daily[:, rows] = 0
        self.weekend[:, rows] = 0
        self.lowered[rows] = self.raised[rows] = self.asleep[rows] = 0


def _move(odds: Reals, ends: float, *, raised_from: int) -> None:
    """Make `odds` those of a day later, in place: raised heights climb and sink, lowered ones stay."""
    odds *= 1 - ends
    raised = odds[raised_from:]
    climbs, sinks = CLIMBS * raised[:-1], SINKS * raised[1:]
    raised[:-1] += sinks - climbs
    raised[1:] += climbs - sinks
