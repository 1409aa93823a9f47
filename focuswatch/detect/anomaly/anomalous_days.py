"""Decide which days are anomalous: those that reach the threshold, and the days on which such an anomaly started.

A ramp, or an increase of one weekday, starts with days that do not stand out by themselves. Once a later day reaches
the threshold, the days right before it, and the same weekday of the weeks before, count from a lower deviation. They
never cause an alarm by themselves, and a day that follows an anomaly gains nothing: its score already includes the
evidence of the days before it.
"""

from dataclasses import dataclass

import numpy as np

from focuswatch.detect.anomaly.fit_opening_weeks import Flags
from focuswatch.detect.anomaly.series_scoring import Scored


@dataclass(frozen=True)
class _Onset:
    """How days before an anomalous day are weighed; amounts in standard deviations of a day's noise.

    The excess of their deviations over a reference is summed from the anomalous day backwards, as in a CUSUM chart:
    https://www.itl.nist.gov/div898/handbook/pmc/section3/pmc323.htm. The anomaly started where the sum is highest.
    """

    step_days: int
    reach: int  # steps
    reference: float
    share: (
        float  # of the anomalous day's deviation, at least the reference: a large spike does not start small
    )
    least_sum: float
    lowest_sum: float  # the search ends below it
    ends_weekly: bool  # none where the anomaly was there a week ago: it is bound to weekdays


DAILY = _Onset(
    step_days=1, reach=14, reference=1.0, share=0.25, least_sum=0.75, lowest_sum=-1.0, ends_weekly=True
)
WEEKLY = _Onset(
    step_days=7, reach=3, reference=1.25, share=0.35, least_sum=0.5, lowest_sum=-0.25, ends_weekly=False
)
MOST_EXCESS = 1.75  # over the reference, that one day adds
LEAST_DEVIATION = 0.5  # of a day that counts


def anomalous_days(scored: Scored, *, threshold: float) -> Flags:
    """Return which days are anomalous, series x days: whether a day counts may depend on later days."""
    return with_onsets(scored.scores >= threshold, scored)


def with_onsets(anomalous: Flags, scored: Scored) -> Flags:
    """Return `anomalous` and the days on which these anomalies started."""
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
