"""Decide which findings have the same cause.

Two findings have the same cause if they have the same owner and account, and one of these conditions holds:

1. Cost. Both are events (anomaly or security findings) with a day in common, and at least 80 % of the cost of one is
   also cost of the other, by service, Region, meter and resource. If a finding has no cost drivers, this must hold in
   both directions, because its service and Region can have other charges.
   If only the smaller finding is part of the larger, the larger may have several causes. They then have the same cause
   only if they have the same largest meter (GPU instances started in five Regions are one cost anomaly), or if the
   larger finding reports all charges of a place as new (a new Region, a new service, a dormant account) and both
   started within three days.
2. Resource. Both are waste of the same resource; or one is waste of a resource, the other reports first charges, and
   at least 80 % of these are charges of the resource (a new service that turned out to be idle).
3. Region. Both are security findings that name the same Region, and they happened within three days. A finding without
   a Region (a new service) can only match by cost: in a Region where an account works every day, two unrelated changes
   within three days are common.
4. Estimate. One is an estimate (`estimate` in the header of its detection), the other is an event on the bill on a day
   of the estimate, and its largest meter belongs to the estimated model. Their amounts are not compared, because an
   estimate covers only the completed hours of a day. The finding of the bill leads, and counts in totals.

Findings of a rollout also have the same cause, but focuswatch.findings.find_new_region_rollouts decides it.

Governance findings (missing tags, budgets, the export) report another problem than the charges they add up, and form
no incident with other findings.

Pure: the rule reads only findings and runs no query, so the result is the same on every engine.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations

from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_charges_and_overlap import StatedCharges, stated_charges
from focuswatch.findings.lead_order_and_incident_properties_of_detections import IncidentRules

LEAST_SHARE = Decimal("0.8")  # share of one finding's cost that is also cost of the other
NEAR = timedelta(days=3)


class SameCause:
    """The rule applied to a set of findings, whose charges are determined once; `charges` has them by fingerprint."""

    def __init__(self, findings: Iterable[Finding], rules: IncidentRules) -> None:
        self._rules = rules
        self.findings = {finding.fingerprint: finding for finding in findings}
        stated = (stated_charges(one, first_charges=rules.first_charges) for one in self.findings.values())
        self.charges = {one.finding.fingerprint: one for one in stated if one}

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield the pairs of fingerprints with the same cause; rollouts are not included."""
        for one, other in self.candidates():
            if one.team == other.team and self._is_same(one, other):
                yield one.fingerprint, other.fingerprint

    def includes(self, whole: str, part: str) -> bool:
        """Return whether at least 80 % of the cost of `part` is also cost of `whole`, in amounts of the same kind."""
        one, other = self.findings[part], self.findings[whole]
        if one.category == "governance" or other.category == "governance" or one.is_event != other.is_event:
            return False
        if not one.is_event:
            return one.resource_id is not None and one.resource_id == other.resource_id
        if self._is_estimate_and_bill(one, other):
            return one.sub_account_id == other.sub_account_id and self._is_estimated(one, other)
        mine, theirs = self.charges.get(part), self.charges.get(whole)
        return bool(mine and theirs and mine.overlaps(theirs) and _share(mine, theirs) >= LEAST_SHARE)

    def is_estimate(self, fingerprint: str) -> bool:
        """Return whether the amounts of a finding are estimates."""
        return self.findings[fingerprint].detection in self._rules.estimates

    def candidates(self) -> Iterator[tuple[Finding, Finding]]:
        """Yield the pairs that can have the same cause: events in one account, and findings about one resource."""
        events: dict[str | None, list[Finding]] = defaultdict(list)
        waste: dict[str, list[Finding]] = defaultdict(list)
        for finding in self.findings.values():
            if finding.is_event:
                events[finding.sub_account_id].append(finding)
            elif finding.category == "waste" and finding.resource_id:
                waste[finding.resource_id].append(finding)
        for same in (*events.values(), *waste.values()):
            yield from combinations(same, 2)
        for one in self.charges.values():
            for resource in {charge.resource_id for charge in one.charges if charge.resource_id}:
                for other in waste.get(resource, ()):
                    yield one.finding, other

    def _is_same(self, one: Finding, other: Finding) -> bool:
        if one.sub_account_id != other.sub_account_id:
            return False
        if not one.is_event and not other.is_event:
            return True  # waste of the same resource
        if not (one.is_event and other.is_event):
            event, waste = (one, other) if one.is_event else (other, one)
            started = self.charges[event.fingerprint]
            return started.is_first and started.share_at(waste) >= LEAST_SHARE
        if self._is_estimate_and_bill(one, other):
            return self._is_estimated(one, other)
        return _is_same_region(one, other) or self._is_same_cost(one, other)

    def _is_estimate_and_bill(self, one: Finding, other: Finding) -> bool:
        return self.is_estimate(one.fingerprint) != self.is_estimate(other.fingerprint)

    def _is_estimated(self, one: Finding, other: Finding) -> bool:
        """Return whether an estimate and a finding of the bill are about the same charges."""
        estimate, billed = (one, other) if self.is_estimate(one.fingerprint) else (other, one)
        mine, theirs = self.charges.get(estimate.fingerprint), self.charges.get(billed.fingerprint)
        return bool(mine and theirs and mine.overlaps(theirs) and _is_model(estimate, theirs))

    def _is_same_cost(self, one: Finding, other: Finding) -> bool:
        mine, theirs = self.charges.get(one.fingerprint), self.charges.get(other.fingerprint)
        if mine is None or theirs is None or not mine.overlaps(theirs):
            return False
        if _is_part_of_place(mine, theirs) or _is_part_of_place(theirs, mine):
            return True
        shares = (mine.share_in(theirs), theirs.share_in(mine))
        if min(shares) >= LEAST_SHARE:
            return True
        is_explained = mine.is_explained and theirs.is_explained
        return max(shares) >= LEAST_SHARE and is_explained and _same_meter(mine, theirs)


def _share(part: StatedCharges, whole: StatedCharges) -> Decimal:
    """Return the share of the cost of `part` that is also cost of `whole`, which may report its whole place as new."""
    return max(part.share_in(whole), part.share_at(whole.finding) if whole.is_first else Decimal(0))


def _is_part_of_place(part: StatedCharges, place: StatedCharges) -> bool:
    is_near = abs(part.first_day - place.first_day) <= NEAR
    return place.is_first and is_near and part.share_at(place.finding) >= LEAST_SHARE


def _same_meter(one: StatedCharges, other: StatedCharges) -> bool:
    mine, theirs = one.largest, other.largest
    return mine.meter is not None and (mine.service_name, mine.meter) == (theirs.service_name, theirs.meter)


def _is_model(estimate: Finding, billed: StatedCharges) -> bool:
    """Return whether the largest charge of a finding of the bill belongs to the model of an estimate.

    Meters of AWS start with the name of the model; in AWS Marketplace, each model is a service of its own.
    """
    largest, model = billed.largest, estimate.evidence.get("model")
    profiles = {
        name for name in (estimate.resource_id, largest.resource_id) if name and name.startswith("arn:")
    }
    if len(profiles) > 1 or (largest.service_name or estimate.service_name) != estimate.service_name:
        return False
    if largest.meter is not None:
        return largest.meter.startswith((f"{model}-", "MP:"))
    return model is not None and model == billed.finding.evidence.get("model")


def _is_same_region(one: Finding, other: Finding) -> bool:
    if {one.category, other.category} != {"security"} or one.region_id is None:
        return False
    days = [_happened_on(one), _happened_on(other)]
    return one.region_id == other.region_id and abs(days[0] - days[1]) <= NEAR


def _happened_on(finding: Finding) -> date:
    return finding.started_on or finding.ended_on or finding.first_seen


def connected(fingerprints: Iterable[str], pairs: Iterable[tuple[str, str]]) -> list[frozenset[str]]:
    """Return the fingerprints in groups; fingerprints that a chain of pairs connects are in the same group."""
    group = {one: {one} for one in fingerprints}
    for one, other in pairs:
        if one in group and other in group and group[one] is not group[other]:
            small, large = sorted((group[one], group[other]), key=len)
            large |= small
            for member in small:
                group[member] = large
    return [frozenset(members) for members in {id(members): members for members in group.values()}.values()]
