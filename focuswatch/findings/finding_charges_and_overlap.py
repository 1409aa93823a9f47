"""Determine the charges that a finding is about, and how much the charges of two findings overlap.

Pure. The charges come from the explanation and the evidence of a finding: no bill and no engine is read, so the result
is the same on every engine.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from focuswatch.findings.compute_finding_amounts_and_event_end import FIRST_DAY, LAST_DAY, day_in
from focuswatch.findings.cost_increase_explanation_models import CostDriver
from focuswatch.findings.finding import Finding

ZERO = Decimal(0)


@dataclass(frozen=True)
class Charge:
    """A part of a finding's cost; a field is None if the finding does not state it."""

    service_name: str | None
    region_id: str | None
    meter: str | None
    resource_id: str | None
    amount: Decimal

    def may_be(self, other: "Charge") -> bool:
        """Return whether both can be the same charge: no field that both state differs."""
        return all(
            mine is None or theirs is None or mine == theirs
            for mine, theirs in (
                (self.service_name, other.service_name),
                (self.region_id, other.region_id),
                (self.meter, other.meter),
                (self.resource_id, other.resource_id),
            )
        )


@dataclass(frozen=True)
class StatedCharges:
    """The charges of an anomaly or security finding, with its first and last day.

    `is_explained`: the charges are the cost drivers of its explanation. Otherwise there is one charge with the Region,
    service, meter and resource of the finding, which may be only a part of its charges. `is_first`: its detection
    reports all charges in this account, Region or service as new.
    """

    finding: Finding
    first_day: date
    last_day: date
    charges: tuple[Charge, ...]
    total: Decimal
    is_explained: bool
    is_first: bool

    @cached_property
    def largest(self) -> Charge:
        """Return the charge with the highest cost."""
        return max(self.charges, key=lambda charge: charge.amount)

    @cached_property
    def services(self) -> frozenset[str]:
        """Return the services that the finding names."""
        listed = self.finding.evidence.get("services")
        names = listed if isinstance(listed, list) else []
        stated = [charge.service_name for charge in self.charges] + [self.finding.service_name]
        return frozenset(str(name) for name in (names or stated) if name)

    def overlaps(self, other: "StatedCharges") -> bool:
        """Return whether both findings have a day in common."""
        return self.first_day <= other.last_day and other.first_day <= self.last_day

    def share_in(self, other: "StatedCharges") -> Decimal:
        """Return the share of this finding's cost, 0 to 1, that is also cost of the other finding."""
        if self.total <= 0:  # free usage: there is no cost to compare
            return Decimal(all(any(mine.may_be(one) for one in other.charges) for mine in self.charges))
        left, shared = [charge.amount for charge in other.charges], ZERO
        for mine in self.charges:
            missing = mine.amount
            for place, charge in enumerate(other.charges):
                taken = min(missing, left[place]) if mine.may_be(charge) else ZERO
                left[place] -= taken
                missing -= taken
            shared += mine.amount - missing
        return shared / self.total

    def share_at(self, place: Finding) -> Decimal:
        """Return the share of the cost, 0 to 1, that is in the account, Region, service and resource of a finding."""
        there = Charge(place.service_name, place.region_id, None, place.resource_id, ZERO)
        if self.finding.sub_account_id != place.sub_account_id:
            return ZERO
        inside = [charge for charge in self.charges if _is_at(charge, there)]
        if self.total <= 0:
            return Decimal(len(inside) == len(self.charges))
        return sum((charge.amount for charge in inside), ZERO) / self.total


def stated_charges(finding: Finding, *, first_charges: Collection[str]) -> StatedCharges | None:
    """Return the charges of an anomaly or security finding; None for other findings, and without a day or a place.

    `first_charges` are the detections that report all charges of an account, Region or service as new.
    """
    first = finding.started_on or day_in(finding.evidence, FIRST_DAY)
    if not finding.is_event or first is None:
        return None
    last = max(finding.ended_on or day_in(finding.evidence, LAST_DAY) or finding.last_seen, first)
    explanation = finding.explanation
    parts = tuple(_charge(part) for part in explanation.parts if part.excess >= 0) if explanation else ()
    if explanation and parts:
        total = max(sum((part.amount for part in parts), ZERO), explanation.excess)
    else:
        meter = finding.evidence.get("usage_type")
        own = (finding.service_name, finding.region_id, meter if isinstance(meter, str) else None)
        if not any(own):
            return None
        parts = (Charge(*own, finding.resource_id, max(finding.monthly_cost, ZERO)),)
        total = parts[0].amount
    return StatedCharges(
        finding=finding,
        first_day=first,
        last_day=last,
        charges=parts,
        total=total,
        is_explained=bool(explanation and explanation.parts),
        is_first=finding.detection in first_charges,
    )


def _charge(part: CostDriver) -> Charge:
    return Charge(part.service_name, part.region_id, part.meter, part.resource_id, part.excess)


def _place(charge: Charge) -> tuple[str | None, str | None, str | None, str | None]:
    return charge.service_name, charge.region_id, charge.meter, charge.resource_id


def _is_at(charge: Charge, place: Charge) -> bool:
    return all(
        wanted is None or actual == wanted
        for wanted, actual in zip(_place(place), _place(charge), strict=True)
    )
