"""Compute the expected findings of `cost_anomaly`.

These are days on which an account's cost of a service exceeds its own pattern.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.expected.daily_quantities_and_costs_of_lines import (
    Facts,
    account_id,
    expectations,
    first_day,
)
from focuswatch.simulate.planned_charge_line import Days
from focuswatch.simulate.simulated_truth_models_and_json_file import Incident

HISTORY_DAYS = 28
THRESHOLD = 20.0  # USD per day above the expected cost; less is not reported
NEAR_THRESHOLD = 17.0  # USD per day; noise can raise such an excess above THRESHOLD
DOUBTFUL_RATIO = 0.15  # excess / expected cost; a smaller excess is lost in the noise
CLEAR_EXCESS = 60.0
CLEAR_RATIO = 0.8
LONGEST_CLEAR_DAYS = 10  # a longer increase may have become the new baseline
RECURRENCE_DAYS = 35
FIRST_SCAN_SETTLED_DAYS = 7


@dataclass(frozen=True)
class _Series:
    """The expected cost of each complete day and the excess above it, in USD per day."""

    account: str
    service: str
    excess: Days
    expected: Days


def cost_anomalies(facts: Facts) -> list[Incident]:
    """Return clear anomalies as certain; smaller, longer or recurring ones as not certain."""
    return [
        _episode(facts, series, start, end)
        for series in _all_series(facts)
        for start, end in _anomalous_runs(series)
    ]


def _all_series(facts: Facts) -> Iterator[_Series]:
    groups: dict[tuple[str, str], list[Days]] = {}
    for charged in facts.usage:
        if not charged.line.monthly:
            groups.setdefault((account_id(charged.line), charged.line.meter.service), []).append(
                charged.costs
            )
    for (account, service), parts in groups.items():
        costs = np.sum(parts, axis=0)
        first = first_day(costs)
        if first is None or costs.max() < THRESHOLD:
            continue
        excess = (costs - expectations(costs))[:-SETTLE_DAYS]
        excess[: first + HISTORY_DAYS] = 0.0
        yield _Series(account, service, excess, costs[:-SETTLE_DAYS] - excess)


def _anomalous_runs(series: _Series) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each run of anomalous days; a single normal day does not end a run."""
    anomalous = (series.excess >= NEAR_THRESHOLD) & (series.excess >= DOUBTFUL_RATIO * series.expected)
    days = np.flatnonzero(anomalous)
    for run in np.split(days, np.flatnonzero(np.diff(days) > 2) + 1):
        if run.size:
            yield int(run[0]), int(run[-1]) + 1


def _doubt(series: _Series, start: int, end: int) -> str | None:
    """Return why a scan may, but need not, report the run; None if it must."""
    part, expected = series.excess[start:end], series.expected[start:end]
    if (part < CLEAR_EXCESS).any() or (part < CLEAR_RATIO * expected).any():
        return "a rise near the threshold or within the noise"
    if end - start > LONGEST_CLEAR_DAYS:
        return "a new level that may have been learnt by now"
    if (series.excess[max(0, start - RECURRENCE_DAYS) : start] >= 0.5 * part.max()).any():
        return "it has happened before within five weeks"
    return None


def _episode(facts: Facts, series: _Series, start: int, end: int) -> Incident:
    doubt = _doubt(series, start, end)
    return Incident(
        detection="cost_anomaly",
        identity=(series.account, None, series.service, None),
        start=facts.day(start),
        end=facts.day(end) if end < len(series.excess) else None,
        daily_cost=float(series.excess[start:end].mean()),
        expected_by=facts.day(start + 1 + SETTLE_DAYS),
        visible_until=facts.day(end - 1 + FIRST_SCAN_SETTLED_DAYS + SETTLE_DAYS),
        note=doubt or "the cost follows from what else was planted there",
        certain=doubt is None,
    )
