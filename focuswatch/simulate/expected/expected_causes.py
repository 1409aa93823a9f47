"""What a rise is made of, worked out from the plan's lines: the meter, region and resource that bring most of it."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from focuswatch.simulate.charge_lines import Days, Line
from focuswatch.simulate.expected.expected_tokens import is_tokens
from focuswatch.simulate.expected.line_facts import (
    Charged,
    Facts,
    account_id,
    expectations,
    identity_of,
    is_edge,
    is_gpu,
    is_internet_out,
    sku,
)
from focuswatch.simulate.planted_truth import Incident, PlantedCause

LONGEST_DAYS = 7  # of an incident that goes on: later days are their own weekdays' usual
UNITS = "unit_cost_regression"
LINES: Mapping[str, Callable[[Line], bool]] = {
    "cost_anomaly": lambda line: not line.monthly,
    "token_burst": is_tokens,
    UNITS: lambda line: line.resource is not None or is_tokens(line),
    "gpu_burst": is_gpu,
    "data_transfer_spike": is_internet_out,
    "new_region": lambda line: not is_edge(line),
    "new_service": lambda _: True,
    "dormant_account_woke": lambda line: not line.monthly,
}


def with_causes(incidents: tuple[Incident, ...], facts: Facts) -> tuple[Incident, ...]:
    """Incidents of money that rose, each with what brought most of it; the others as they are."""
    return tuple(
        replace(one, cause=_cause(one, facts)) if one.detection in LINES else one for one in incidents
    )


def _cause(incident: Incident, facts: Facts) -> PlantedCause | None:
    excesses: dict[tuple[str, str | None, str], dict[str | None, float]] = {}
    for charged in facts.usage:
        if _is_meant(charged, incident):
            line, above = charged.line, _above(charged.costs, incident, facts)
            parts = excesses.setdefault((line.meter.service, line.region, sku(line)), {})
            resource = line.resource if line.copies == 1 else None
            parts[resource] = parts.get(resource, 0.0) + float(np.sum(above))
    if not excesses:
        return None
    (service, region, meter), parts = max(excesses.items(), key=lambda item: sum(item[1].values()))
    most = max(parts, key=lambda resource: parts[resource])
    whole = sum(parts.values())
    if whole <= 0:  # free use has no cause in money
        return None
    return PlantedCause(service, region, meter, most if parts[most] >= whole / 2 else None)


def _above(costs: Days, incident: Incident, facts: Facts) -> Days:
    """USD of each day above what the weeks before lead to expect; a unit is held against last week's."""
    if incident.detection == UNITS:  # which is told when a week of it is settled, whenever its thing began
        end = facts.calendar.index(incident.expected_by)
        return costs[end - LONGEST_DAYS : end] - costs[end - 2 * LONGEST_DAYS : end - LONGEST_DAYS]
    first = facts.calendar.index(incident.start)
    end = facts.calendar.index(incident.end) if incident.end else facts.calendar.days
    return (costs - expectations(costs))[first : min(end, first + LONGEST_DAYS)]


def _is_meant(charged: Charged, incident: Incident) -> bool:
    account, region, service, resource = incident.identity
    line = charged.line
    if account != account_id(line) or not LINES[incident.detection](line):
        return False
    named = zip((region, service, resource), identity_of(line)[1:], strict=True)
    return all(wanted in (None, is_so) for wanted, is_so in named) and not line.unused
