"""What follows for use cases: experiments past their term, and plans that do not last their month."""

from collections.abc import Iterator

import numpy as np

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.charge_lines import Days
from focuswatch.simulate.expected.line_facts import Facts, last_day, total
from focuswatch.simulate.planted.planted_use_cases import OVERDUE, PACE, TAG, named
from focuswatch.simulate.planted_truth import Incident

DAYS_A_MONTH = 30
CLEARLY_OVER = 1.2  # of the plan: what is nearer may be told or not
LEARNT_DAYS = 45  # a month before to know its rhythm by


def intents(facts: Facts) -> list[Incident]:
    """Both, from what each use case's own lines cost."""
    return [*_overdue(facts), *_over_plan(facts)]


def _costs(facts: Facts, use_case: str) -> Days:
    lines = [one for one in facts.usage if one.line.tags.get(TAG) == use_case]
    return total(lines, costs=True) if lines else np.zeros(facts.calendar.days)


def _overdue(facts: Facts) -> Iterator[Incident]:
    for name, says in facts.plan.use_cases.items():
        costs = _costs(facts, name)
        ends = last_day(costs > 0) + 1 if costs.any() else 0
        if says["intent"] != "experiment" or not ends:
            continue
        starts = [facts.calendar.index(says["review_on"])] if "review_on" in says else []
        if "cap" in says:
            starts += np.flatnonzero(np.cumsum(costs) >= says["cap"])[:1].tolist()
        if starts and min(starts) < ends:
            yield _incident(facts, OVERDUE, name, costs, start=min(starts), ends=ends)


def _over_plan(facts: Facts) -> Iterator[Incident]:
    for name, says in facts.plan.use_cases.items():
        costs = _costs(facts, name)
        ends = last_day(costs > 0) + 1 if costs.any() else 0
        monthly = float(costs[costs > 0].mean()) * DAYS_A_MONTH if costs.any() else 0.0
        if "monthly_budget" in says and monthly >= CLEARLY_OVER * says["monthly_budget"]:
            yield _incident(facts, PACE, name, costs, start=LEARNT_DAYS, ends=ends)


def _incident(facts: Facts, detection: str, name: str, costs: Days, *, start: int, ends: int) -> Incident:
    over = ends < facts.calendar.days
    return Incident(
        detection=detection,
        identity=named(name),
        start=facts.day(start),
        end=facts.ending(ends),
        daily_cost=float(costs[costs > 0].mean()),
        expected_by=facts.day(start + SETTLE_DAYS + 1),
        visible_until=facts.day(ends) if over else None,
        note="it follows from its term or its plan",
    )
