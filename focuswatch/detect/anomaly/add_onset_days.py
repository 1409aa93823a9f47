"""Add to the anomalous days those on which an anomaly started.

A ramp, or an increase on one weekday, starts with days that do not stand out by themselves. Once a later day reaches
the threshold, the days right before it and the same weekday of the previous weeks count as anomalous from a lower
deviation. These days never cause an alarm by themselves. Days after an anomaly need no such rule, because their score
already includes the evidence of the days before them.
"""

from dataclasses import dataclass

import numpy as np

from focuswatch.detect.anomaly.fit_opening_weeks import Flags
from focuswatch.detect.anomaly.score_cost_series import Scored


@dataclass(frozen=True)
class _Onset:
    """How to find the day on which an anomaly started; amounts are in standard deviations of a day's noise.

    As in a CUSUM chart, the search sums how far the deviation of each day exceeds a reference, from the anomalous day
    backwards: https://www.itl.nist.gov/div898/handbook/pmc/section3/pmc323.htm. The anomaly started where the sum is
    highest.
    """

    step_days: int
    reach: int  # maximum number of steps
    reference: float  # minimum reference
    # The reference is at least this share of the anomalous day's deviation, because a large spike does not start small.
    share: float
    least_sum: float  # minimum sum at the start of an anomaly
    lowest_sum: float  # the search stops when the sum falls below it
    # Skip days that were also anomalous a week earlier, because that anomaly is tied to the weekday.
    ends_weekly: bool


DAILY = _Onset(
    step_days=1, reach=14, reference=1.0, share=0.25, least_sum=0.75, lowest_sum=-1.0, ends_weekly=True
)
WEEKLY = _Onset(
    step_days=7, reach=3, reference=1.25, share=0.35, least_sum=0.5, lowest_sum=-0.25, ends_weekly=False
)
MOST_EXCESS = 1.75  # maximum that one day adds to the sum
LEAST_DEVIATION = 0.5  # a day with a lower deviation is never an onset


def with_onsets(anomalous: Flags, scored: Scored) -> Flags:
    """Return the `anomalous` days (series x days) and the days on which these anomalies started.

    The result of a day can depend on later days.
    """
    return anomalous | _onsets(anomalous, scored, DAILY) | _onsets(anomalous, scored, WEEKLY)


def _onsets(anomalous: Flags, scored: Scored, onset: _Onset) -> Flags:
    step, deviations = onset.step_days, scored.deviations
    rows, days = np.nonzero(anomalous & ~_later(anomalous, step))
    if onset.ends_weekly:
        daily = ~_later(anomalous, 7)[rows, days]
        rows, days = rows[daily], days[daily]
    reference = np.maximum(onset.reference, onset.share * deviations[rows, days])
    total, highest = np.zeros(len(rows)), np.full(len(rows), onset.least_sum)
    steps, goes_on = np.zeros(len(rows), np.intp), np.ones(len(rows), np.bool_)
    for back in range(1, onset.reach + 1):
        before = days - back * step
        goes_on &= (before >= 0) & ~anomalous[rows, before]
        total += np.minimum(deviations[rows, before] - reference, MOST_EXCESS)
        goes_on &= total >= onset.lowest_sum
        higher = goes_on & (total >= highest)
        highest, steps = np.where(higher, total, highest), np.where(higher, back, steps)
    counts = np.zeros_like(anomalous)
    for back in range(1, onset.reach + 1):
        reached = steps >= back
        counts[rows[reached], days[reached] - back * step] = True
    return counts & (deviations > LEAST_DEVIATION)


def _later(flags: Flags, days: int) -> Flags:
    moved = np.zeros_like(flags)
    moved[:, days:] = flags[:, : max(flags.shape[1] - days, 0)]
    return moved
