"""Combine the incidents that planting states with those computed from the lines, and find contradictions."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from focuswatch.simulate.bill_calendar import Calendar
from focuswatch.simulate.planned_bill import PlantedCase
from focuswatch.simulate.simulated_truth_models_and_json_file import Incident, Truth


def reconcile(
    cases: Sequence[PlantedCase],
    worked_out: Sequence[Incident],
    *,
    stated: Iterable[Incident],
    calendar: Calendar,
) -> Truth:
    """Combine the stated incidents with those that are computed from the lines.

    Cases are unmet if the lines contradict them: a described incident that does not occur, or a hard negative that is
    one.
    """
    meant = [case for case in cases if case.kind is None and case.expected_by is None]
    negatives = [case for case in cases if case.kind is not None]
    incidents = [*stated, *(_named(incident, meant) for incident in worked_out)]
    missing = [case for case in meant if not any(_meets(incident, case) for incident in worked_out)]
    broken = [
        case for case in negatives if any(_contradicts(incident, case, calendar) for incident in incidents)
    ]
    return Truth(
        incidents=tuple(incident for incident in incidents if incident.certain),
        either=tuple(incident for incident in incidents if not incident.certain),
        hard_negatives=tuple(case for case in negatives if case not in broken),
        unmet=tuple(missing + broken),
    )


def _meets(incident: Incident, case: PlantedCase) -> bool:
    same = incident.detection == case.detection and incident.identity == case.identity
    ends_too_soon = case.end is None and incident.end is not None
    return same and incident.overlaps(case.start, case.end) and not ends_too_soon


def _contradicts(incident: Incident, case: PlantedCase, calendar: Calendar) -> bool:
    same = incident.detection == case.detection and incident.identity == case.identity
    return same and incident.visible_on(calendar.as_of)


def _named(incident: Incident, meant: Sequence[PlantedCase]) -> Incident:
    case = next((case for case in meant if _meets(incident, case)), None)
    return replace(incident, note=case.note) if case else incident
