"""Count each dollar once in totals: determine which findings include the cost of others, and leave out the others.

Pure. Owners are ignored: two teams may be notified of the same dollars, which still count once.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from decimal import Decimal

from focuswatch.findings.finding import Finding
from focuswatch.findings.same_cause import SameCause

# A lead is counted instead of a costlier finding if its cost is at least 80 % (1 / 1.25) of that finding's cost.
LEAD_WEIGHT = Decimal("1.25")


def without_double_counts(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings to add up: all except those whose cost another one of them includes."""
    listed = list(findings)
    here = {finding.fingerprint for finding in listed}
    return [finding for finding in listed if finding.counted_in not in here]


def including_findings(cause: SameCause, *, leads: Collection[str]) -> dict[str, str]:
    """Return the findings whose cost another finding includes: their fingerprint, and that of the other finding.

    The other finding is always counted itself. It is the most expensive one; among findings with about the same cost,
    the one in `leads`. An estimate is counted only if no finding of the bill includes its cost.
    """
    near: dict[str, set[str]] = defaultdict(set)
    for first, second in cause.candidates():
        near[first.fingerprint].add(second.fingerprint)
        near[second.fingerprint].add(first.fingerprint)

    def weight(fingerprint: str) -> tuple[bool, Decimal, str]:
        factor = LEAD_WEIGHT if fingerprint in leads else Decimal(1)
        cost = -cause.findings[fingerprint].monthly_cost * factor
        return cause.is_estimate(fingerprint), cost, fingerprint

    included: dict[str, str] = {}
    counted = set[str]()
    for one in sorted(near, key=weight):
        wholes = sorted(near[one] & counted, key=weight)
        whole = next((other for other in wholes if cause.includes(other, one)), None)
        if whole:
            included[one] = whole
        else:
            counted.add(one)
    return included
