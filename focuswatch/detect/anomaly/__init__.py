"""Score how anomalous each day of each cost series is, compared with the series' own past.

A series is modeled as level x growth x weekday, with its own noise. Every day is forecast from the days before it
(`expected_cost`), weighed together with the evidence of earlier days (`anomaly_confidence`), and then learned from as
far as it is believed normal. The first four weeks are fitted as a whole (`opening_weeks`); a level that stays
anomalous for weeks becomes the new baseline (`baseline_shifts`). Only increases score. A day is anomalous if its
score reaches a threshold, or if it is one of the days on which such an anomaly started (`anomaly_onset`).

Money, calendars and causes belong to the caller: a minimum in a currency, month-start fees, cost drivers.
"""

from focuswatch.detect.anomaly.anomalous_days import anomalous_days, with_onsets
from focuswatch.detect.anomaly.series_scoring import ANOMALY_THRESHOLD, Scored, score, score_with_expectation

__all__ = [
    "ANOMALY_THRESHOLD",
    "Scored",
    "anomalous_days",
    "score",
    "score_with_expectation",
    "with_onsets",
]
