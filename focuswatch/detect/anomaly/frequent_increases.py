"""Find the series whose increases are so frequent that they are normal and not anomalies."""

import numpy as np
from numpy.typing import NDArray

from focuswatch.detect.anomaly.accumulate_anomaly_evidence import DayEvaluation
from focuswatch.detect.anomaly.expected_cost_model import Rows

# If anomalies of a series start more often than HABIT_STARTS_A_DAY, its increases are a habit and count as normal.
HABIT_MEMORY_DAYS = 60
HABIT_STARTS_A_DAY = 0.15
YOUNG_DAYS, YOUNG_HABIT_STARTS_A_DAY = 180, 0.06  # lower limit while the pattern of a young series is unknown


class FrequentIncreases:
    """How often increases start in each series, per day, and which series are erratic."""

    def __init__(self, series: int) -> None:
        self.starts, self.erratic = np.zeros(series, np.float32), np.zeros(series, np.bool_)

    def habits(self, evaluation: DayEvaluation, age_days: NDArray[np.int64]) -> Rows:
        """Take in one day; return the series whose isolated increases are so frequent that they are normal."""
        self.starts += evaluation.seen * (evaluation.begins - self.starts) * np.float32(1 / HABIT_MEMORY_DAYS)
        self.erratic |= (self.starts > YOUNG_HABIT_STARTS_A_DAY) & (age_days < YOUNG_DAYS)
        return np.flatnonzero(self.erratic | (self.starts > HABIT_STARTS_A_DAY))
