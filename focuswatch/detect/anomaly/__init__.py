"""Score how anomalous each day of a daily cost series is, compared with the series' own history.

A series is modeled as level x growth x weekday factor, with its own noise. The model forecasts each day from the days
before it (`expected_cost_model`), weighs the day's deviation together with the evidence of earlier days
(`accumulate_anomaly_evidence`), and then learns from the day in proportion to the probability that it is normal. The
first four weeks are fitted as a whole (`fit_opening_weeks`). A level that stays anomalous for weeks becomes the new
baseline (`adopt_baseline_shifts`). Increases that are frequent in a series become normal (`frequent_increases`). Only
increases have a score above 0. A day is anomalous if its score reaches a threshold, or if it is one of the days on
which such an anomaly started (`add_onset_days`).

The caller handles everything else: a minimum amount in a currency, month-start fees and cost drivers.
"""

from focuswatch.detect.anomaly.add_onset_days import with_onsets
from focuswatch.detect.anomaly.score_cost_series import Scored, score_daily_costs

__all__ = ["Scored", "score_daily_costs", "with_onsets"]
