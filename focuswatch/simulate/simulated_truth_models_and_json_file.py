"""The truth of a simulated bill: the findings that a scan must, may and must not report.

Every scan with `expected_by <= as_of <= visible_until` (None: without end), over the data up to `as_of` and with an
empty ledger, must report an incident. A report between `start` and `expected_by` is early: neither right nor wrong. The
scan at the bill's own `as_of` must not report a hard negative. A report of an incident in `either` is neither right nor
wrong.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from focuswatch.simulate.planned_bill import BillPlan, Identity, PlantedCase

SCHEMA = "focuswatch.truth/1"


@dataclass(frozen=True)
class PlantedCause:
    """The main cost driver of an increase; `resource_id` is None if no resource accounts for half of the increase."""

    service_name: str
    region_id: str | None
    meter: str
    resource_id: str | None


@dataclass(frozen=True)
class Incident:
    """An incident that a scan must report, or may report if it is not `certain`.

    `daily_cost` is the EffectiveCost per day without noise; for anomalies and egress spikes, it is the excess over the
    expected cost. `planted` names what was planted, and is the same for all incidents that follow from it.
    """

    detection: str
    identity: Identity
    start: date
    end: date | None  # exclusive; None: it continues
    daily_cost: float
    expected_by: date
    visible_until: date | None
    note: str = ""
    certain: bool = True
    cause: PlantedCause | None = None
    planted: str = ""

    def visible_on(self, as_of: date) -> bool:
        return self.expected_by <= as_of and (self.visible_until is None or as_of <= self.visible_until)

    def overlaps(self, start: date, end: date | None) -> bool:
        return (end is None or self.start < end) and (self.end is None or start < self.end)


@dataclass(frozen=True)
class Truth:
    incidents: tuple[Incident, ...]
    either: tuple[Incident, ...]
    hard_negatives: tuple[PlantedCase, ...]
    unmet: tuple[PlantedCase, ...]  # cases that the plan's lines contradict


def write_truth(
    truth: Truth, path: Path, *, plan: BillPlan, seed: int, grain: str, events: Sequence[dict[str, Any]]
) -> None:
    document = {
        "schema": SCHEMA,
        "seed": seed,
        "accounts": len(plan.organization.accounts),
        "days": plan.calendar.days,
        "grain": grain,
        "as_of": plan.calendar.as_of,
        "currency": "USD",
        "incidents": [_incident(incident) for incident in truth.incidents],
        "either": [_incident(incident) for incident in truth.either],
        "hard_negatives": [_hard_negative(intent) for intent in truth.hard_negatives],
        "events": events,
    }
    path.write_text(json.dumps(document, indent=1, default=str) + "\n", encoding="utf-8")


def _identity(identity: Identity) -> dict[str, str | None]:
    return dict(zip(("sub_account_id", "region_id", "service_name", "resource_id"), identity, strict=True))


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "detection": incident.detection,
        **_identity(incident.identity),
        "start": incident.start,
        "end": incident.end,
        "daily_cost": round(incident.daily_cost, 4),
        "expected_by": incident.expected_by,
        "visible_until": incident.visible_until,
        "note": incident.note,
        "planted": incident.planted,
        **{
            f"cause_{name}": value for name, value in (vars(incident.cause) if incident.cause else {}).items()
        },
    }


def _hard_negative(case: PlantedCase) -> dict[str, Any]:
    return {
        "detection": case.detection,
        "kind": case.kind,
        **_identity(case.identity),
        "start": case.start,
        "end": case.end,
        "note": case.note,
    }
