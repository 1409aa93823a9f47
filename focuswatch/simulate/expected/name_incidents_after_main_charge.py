"""Name incidents after their charges, so that incidents that follow from the same charges have the same name.

The name is the resource. Charges without a resource are named by account, region, service and first day.
"""

from dataclasses import replace

import numpy as np

from focuswatch.simulate.expected.daily_quantities_and_costs_of_lines import Facts, account_id
from focuswatch.simulate.expected.expected_main_cost_drivers import LONGEST_DAYS, excess_of
from focuswatch.simulate.expected.lines_of_incident import COST_INCREASES, is_about
from focuswatch.simulate.planned_charge_line import Days, Line
from focuswatch.simulate.simulated_truth_models_and_json_file import Incident

STOPPED = "security_service_went_dark"  # its charges are those of the week before it stopped


def with_planted_names(incidents: tuple[Incident, ...], facts: Facts) -> tuple[Incident, ...]:
    """Return the incidents, with `planted` set to the name of the charges that contribute most to each."""
    return tuple(replace(incident, planted=_name(incident, facts)) for incident in incidents)


def _name(incident: Incident, facts: Facts) -> str:
    costs: dict[str, float] = {}
    quantities: dict[str, float] = {}
    for charged in facts.usage:
        if is_about(charged.line, incident.detection, incident.identity):
            name = _name_of(charged.line)
            costs[name] = costs.get(name, 0.0) + float(np.sum(_days(charged.costs, incident, facts)))
            amount = float(np.sum(_days(charged.quantities, incident, facts)))
            quantities[name] = quantities.get(name, 0.0) + amount
    weights = costs if any(cost > 0 for cost in costs.values()) else quantities  # free usage
    if not weights:
        return " ".join(part or "-" for part in (incident.detection, *incident.identity))
    return max(weights, key=lambda name: weights[name])


def _name_of(line: Line) -> str:
    if line.resource and line.copies == 1:
        return line.resource
    return f"{account_id(line)} {line.region or '-'} {line.meter.service} since {line.first}"


def _days(values: Days, incident: Incident, facts: Facts) -> Days:
    if incident.detection in COST_INCREASES:
        return excess_of(values, incident, facts)
    first = facts.calendar.index(incident.start)
    if incident.detection == STOPPED:
        return values[max(first - LONGEST_DAYS, 0) : first]
    return values[first : facts.calendar.index(incident.end) if incident.end else facts.calendar.days]
