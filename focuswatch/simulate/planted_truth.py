"""The truth of a simulated bill: what a scan must report, what it must not, and what is open to argument.

An incident must be reported by every scan with `expected_by <= as_of <= visible_until` (no end where None)
over the data up to `as_of` and an empty ledger. From `start` until `expected_by` a report is early, neither
right nor wrong. A hard negative must not be reported at the bill's own `as_of`; what is in `either` counts
neither way.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from focuswatch.simulate.bill_calendar import Calendar
from focuswatch.simulate.bill_plan import BillPlan, Identity, Intent

SCHEMA = "focuswatch.truth/1"


@dataclass(frozen=True)
class PlantedCause:
    """What brings most of a rise; `meter` as the bill has it, `resource_id` None where many share in it."""

    service_name: str
    region_id: str | None
    meter: str
    resource_id: str | None


@dataclass(frozen=True)
class Incident:
    """`daily_cost` is the noise-free EffectiveCost of a day, of an anomaly what is above the usual."""

    detection: str
    identity: Identity
    start: date
    end: date | None  # exclusive; None: goes on
    daily_cost: float
    expected_by: date
    visible_until: date | None
    note: str = ""
    certain: bool = True
    cause: PlantedCause | None = None

    def visible_on(self, as_of: date) -> bool:
        return self.expected_by <= as_of and (self.visible_until is None or as_of <= self.visible_until)

    def overlaps(self, start: date, end: date | None) -> bool:
        return (end is None or self.start < end) and (self.end is None or start < self.end)


@dataclass(frozen=True)
class Truth:
    incidents: tuple[Incident, ...]
    either: tuple[Incident, ...]
    hard_negatives: tuple[Intent, ...]
    unmet: tuple[Intent, ...]  # what the plan meant to plant and its own lines do not bear out


def reconcile(intents: Sequence[Intent], derived: Sequence[Incident], *, calendar: Calendar) -> Truth:
    """What follows from the lines, in the words of what was meant; intents that do not follow are unmet."""
    meant = [intent for intent in intents if intent.quiet_on is None]
    quiet = [intent for intent in intents if intent.quiet_on is not None]
    named = [_named(incident, meant) for incident in derived]
    unmet = [intent for intent in meant if not any(_meets(incident, intent) for incident in derived)]
    broken = [
        intent for intent in quiet if any(_contradicts(incident, intent, calendar) for incident in derived)
    ]
    return Truth(
        incidents=tuple(incident for incident in named if incident.certain),
        either=tuple(incident for incident in named if not incident.certain),
        hard_negatives=tuple(intent for intent in quiet if intent not in broken),
        unmet=tuple(unmet + broken),
    )


def _meets(incident: Incident, intent: Intent) -> bool:
    same = incident.detection == intent.detection and incident.identity == intent.identity
    ends_too_soon = intent.end is None and incident.end is not None
    return same and incident.overlaps(intent.start, intent.end) and not ends_too_soon


def _contradicts(incident: Incident, intent: Intent, calendar: Calendar) -> bool:
    same = incident.detection == intent.detection and incident.identity == intent.identity
    return same and incident.visible_on(calendar.as_of)


def _named(incident: Incident, meant: Sequence[Intent]) -> Incident:
    for intent in meant:
        if _meets(incident, intent):
            return Incident(**(vars(incident) | {"note": intent.note}))
    return incident


def write_truth(truth: Truth, path: Path, *, plan: BillPlan, seed: int, grain: str) -> None:
    document = {
        "schema": SCHEMA,
        "seed": seed,
        "accounts": len(plan.organisation.accounts),
        "days": plan.calendar.days,
        "grain": grain,
        "as_of": plan.calendar.as_of,
        "currency": "USD",
        "incidents": [_incident(incident) for incident in truth.incidents],
        "either": [_incident(incident) for incident in truth.either],
        "hard_negatives": [_hard_negative(intent) for intent in truth.hard_negatives],
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
        **{
            f"cause_{name}": value for name, value in (vars(incident.cause) if incident.cause else {}).items()
        },
    }


def _hard_negative(intent: Intent) -> dict[str, Any]:
    return {
        "detection": intent.detection,
        "kind": intent.quiet_on,
        **_identity(intent.identity),
        "start": intent.start,
        "end": intent.end,
        "note": intent.note,
    }
