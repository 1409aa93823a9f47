"""Count each dollar once: which findings state a cost that another finding includes, and the others, for totals.

Pure. Owners do not matter here: two teams may be notified of the same dollars, which still count once.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from decimal import Decimal

from focuswatch.findings.finding import Finding
from focuswatch.findings.same_cause import SameCause

LEAD_WEIGHT = Decimal("1.25")  # a lead counts where its cost is at least 80 % of the highest of its incident


def counted_once(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings without those whose cost another one of them includes: add up these."""
    listed = list(findings)
    here = {finding.fingerprint for finding in listed}
    return [finding for finding in listed if finding.counted_in not in here]


def counted_in(cause: SameCause, *, leads: Collection[str]) -> dict[str, str]:
    """Return the fingerprint of the finding that includes the cost of another, by the fingerprint of the other.

    The one that counts is the most expensive; of about the same cost, the one of `leads`. It is counted itself.
    An estimate counts only where no finding of the bill does.
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
