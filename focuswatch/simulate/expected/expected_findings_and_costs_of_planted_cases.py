"""Return the incidents that the planting modules state, with the daily cost computed from the plan's lines."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from focuswatch.simulate.expected.daily_quantities_and_costs_of_lines import (
    Charged,
    Facts,
    expectations,
    total,
)
from focuswatch.simulate.expected.lines_of_incident import is_about
from focuswatch.simulate.planned_bill import PlantedCase
from focuswatch.simulate.planned_charge_line import Days
from focuswatch.simulate.simulated_truth_models_and_json_file import Incident

ABOVE_EXPECTED = "data_transfer_spike"  # its cost is the excess above the weeks before
WEEK = 7


def stated_incidents(facts: Facts) -> Iterator[Incident]:
    """Yield every incident whose days are stated by the module that plants it."""
    for case in facts.plan.cases:
        if case.kind is None and case.expected_by is not None:
            incident = Incident(
                detection=case.detection,
                identity=case.identity,
                start=case.start,
                end=case.end,
                daily_cost=0.0,
                expected_by=case.expected_by,
                visible_until=case.visible_until,
                note=case.note,
                certain=case.certain,
            )
            yield replace(incident, daily_cost=_daily_cost(facts, case))


def _daily_cost(facts: Facts, case: PlantedCase) -> float:
    """Return the mean cost of the days with charges, or of the week before if the charges stopped."""
    charged = [charge for charge in facts.usage if is_about(charge.line, case.detection, case.identity)]
    costs = _costs(charged, case.detection)
    first = facts.calendar.index(case.start)
    last = facts.calendar.index(case.end) if case.end else facts.calendar.days
    days = costs[first:last]
    if not days.any():
        days = costs[max(0, first - WEEK) : first]
    return float(days[days != 0].mean()) if days.any() else 0.0


def _costs(charged: list[Charged], detection: str) -> Days:
    costs = total(charged, costs=True)
    return np.asarray(costs - expectations(costs)) if detection == ABOVE_EXPECTED else costs
