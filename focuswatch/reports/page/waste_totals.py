"""Count findings and sum their waste for the page."""

from collections.abc import Sequence
from decimal import Decimal

from focuswatch.findings.count_each_cost_once import without_double_counts
from focuswatch.findings.finding import Finding
from focuswatch.reports.page.query_page_data import Part


def count_and_waste(findings: Sequence[Finding], *, among: Sequence[Finding]) -> Part:
    """Return the number and the waste of `findings`, which are a part of `among`.

    Each dollar counts once within `among`, so the waste of separate parts adds up to that of the whole.
    """
    counted = {finding.fingerprint for finding in without_double_counts(among)}
    part = [finding for finding in findings if finding.fingerprint in counted]
    return {"findings": len(findings), "waste": waste_of(part)}


def waste_of(findings: Sequence[Finding]) -> float:
    """Return the monthly cost of waste findings, each dollar counted once.

    Amounts of other categories cannot be added up, so they are left out.
    """
    waste = (finding for finding in without_double_counts(findings) if finding.category == "waste")
    return round(float(sum((finding.monthly_cost for finding in waste), Decimal(0))), 2)
