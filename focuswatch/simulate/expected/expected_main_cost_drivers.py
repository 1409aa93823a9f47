"""Compute the expected root cause of a cost increase: the meter, region and resource that account for most of it."""

from dataclasses import replace

import numpy as np

from focuswatch.simulate.expected.daily_quantities_and_costs_of_lines import Facts, expectations
from focuswatch.simulate.expected.lines_of_incident import COST_INCREASES, is_about
from focuswatch.simulate.planned_charge_line import Days
from focuswatch.simulate.recognize_planned_gpu_token_and_transfer_lines import sku
from focuswatch.simulate.simulated_truth_models_and_json_file import Incident, PlantedCause

# Days of a continuing incident that count. After a week, the baseline of a weekday includes days of the incident.
LONGEST_DAYS = 7
UNIT_COST = "unit_cost_regression"


def with_causes(incidents: tuple[Incident, ...], facts: Facts) -> tuple[Incident, ...]:
    """Return the incidents; those of a cost increase have their main cause added."""
    return tuple(
        replace(incident, cause=_cause(incident, facts)) if incident.detection in COST_INCREASES else incident
        for incident in incidents
    )


def _cause(incident: Incident, facts: Facts) -> PlantedCause | None:
    excesses: dict[tuple[str, str | None, str], dict[str | None, float]] = {}
    for charged in facts.usage:
        line = charged.line
        if is_about(line, incident.detection, incident.identity) and not line.unused:
            excess = float(np.sum(excess_of(charged.costs, incident, facts)))
            parts = excesses.setdefault((line.meter.service, line.region, sku(line)), {})
            resource = line.resource if line.copies == 1 else None
            parts[resource] = parts.get(resource, 0.0) + excess
    if not excesses:
        return None
    (service, region, meter), parts = max(excesses.items(), key=lambda item: sum(item[1].values()))
    largest = max(parts, key=lambda resource: parts[resource])
    whole = sum(parts.values())
    if whole <= 0:  # free usage has no cost driver
        return None
    return PlantedCause(service, region, meter, largest if parts[largest] >= whole / 2 else None)


def excess_of(costs: Days, incident: Incident, facts: Facts) -> Days:
    """Return the excess above the expected cost, in USD per day.

    For `unit_cost_regression`, it is the excess above the week before.
    """
    if incident.detection == UNIT_COST:  # evaluated for a complete week, whenever the increase started
        end = facts.calendar.index(incident.expected_by)
        return costs[end - LONGEST_DAYS : end] - costs[end - 2 * LONGEST_DAYS : end - LONGEST_DAYS]
    first = facts.calendar.index(incident.start)
    end = facts.calendar.index(incident.end) if incident.end else facts.calendar.days
    return (costs - expectations(costs))[first : min(end, first + LONGEST_DAYS)]
