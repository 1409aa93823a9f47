"""How strange is each day of each cost series, judged by that series' own past?

A series is taken to be level x growth x weekday, with a noise of its own. Every day is forecast from the days before
it (`pattern`), weighed with the evidence of the days before it (`evidence`), and then learnt from as far as it is
believed usual. The first four weeks are fitted as a whole (`opening`); what stays strange for weeks becomes the usual
(`levels`). Only increases score.

It knows nothing of money, calendars or causes: a floor in a currency, month-start fees and what made up an excess
belong to the caller.
"""

from focuswatch.detect.anomaly.series_scoring import STRANGE, Scored, score, score_with_expectation

__all__ = ["STRANGE", "Scored", "score", "score_with_expectation"]
