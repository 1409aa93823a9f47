"""What a detection with a lookback must say, from what holds over the days until each day."""

from collections.abc import Iterator

import numpy as np

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.bill_plan import Identity
from focuswatch.simulate.charge_lines import Days
from focuswatch.simulate.expected.line_facts import Facts, Flags, run_end
from focuswatch.simulate.planted_truth import Incident


def windows(values: Days, days: int) -> Days:
    """For each day the sum of it and of the `days` - 1 before it; of fewer at the bill's beginning."""
    sums = np.cumsum(values, dtype=float)
    sums[days:] -= sums[:-days].copy()
    return np.asarray(sums)


def judged(
    facts: Facts, detection: str, identity: Identity, *, clear: Flags, doubtful: Flags, costs: Days,
    acquitted_at_once: bool = False,
) -> Iterator[Incident]:  # fmt: skip
    """An incident for each run of days whose lookback may convict: certain where one of them clearly does.

    `clear` and `doubtful` say for each day what a scan says whose newest settled day it is.
    """
    for start in np.flatnonzero(doubtful & ~np.concatenate(([False], doubtful[:-1]))).tolist():
        end = run_end(doubtful, start)
        sure = np.flatnonzero(clear[start:end])
        first = start + int(sure[0]) if sure.size else start
        until = run_end(clear, first) if sure.size else end
        over = until < facts.calendar.days - SETTLE_DAYS
        yield Incident(
            detection=detection,
            identity=identity,
            start=facts.day(_first_charge(costs, first)),
            end=facts.ending(end) if over else None,
            daily_cost=float(costs[max(0, first - 6) : first + 1].mean()),
            expected_by=facts.day(first + 1 + SETTLE_DAYS),
            visible_until=facts.day(until + (0 if acquitted_at_once else SETTLE_DAYS)) if over else None,
            note="it follows from what runs there",
            certain=bool(sure.size),
        )


def _first_charge(costs: Days, until: int) -> int:
    charged = np.flatnonzero(costs[: until + 1])
    return int(charged[0]) if charged.size else until
