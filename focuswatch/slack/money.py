"""What a finding's money means, in a few words."""

from datetime import date
from decimal import Decimal

from focuswatch.catalog import Category
from focuswatch.findings import DAYS_A_MONTH, Finding, amount
from focuswatch.spending import ANOMALY, BUDGET

MEANS: dict[Category, str] = {
    "waste": "a month to save",
    "anomaly": "a month above what is usual",
    "security": "charged",
    "governance": "a month in question",
}
# AWS names sums, and not what a month costs.
SUMS = {BUDGET: "against the budget", ANOMALY: "above what AWS expected"}


def stake(finding: Finding) -> str:
    """What it costs: `345.60 USD a month to save`."""
    if finding.detection in SUMS and not finding.monthly_cost:
        return "no amount named"
    means = SUMS.get(finding.detection, MEANS[finding.category])
    return f"{amount(finding.monthly_cost)} {finding.currency} {means}"


def so_far(finding: Finding, *, today: date) -> str | None:
    """What waste has cost since it was first seen; None where money does not run by the day."""
    cost = finding.monthly_cost / DAYS_A_MONTH * days_open(finding, today=today)
    if finding.category not in ("waste", "anomaly") or finding.detection in SUMS or cost <= 0:
        return None
    return f"about {amount(cost)} {finding.currency} so far"


def days_open(finding: Finding, *, today: date) -> int:
    """Days since the bill first showed it."""
    return max((today - finding.first_seen).days, 0)


def saving(finding: Finding, *, saved_daily: Decimal | None) -> str | None:
    """What a resolved finding saves; None where nothing was to be saved."""
    if saved_daily is not None:
        if saved_daily <= 0:
            return "The bill was read again: nothing is saved yet."
        return f"{amount(saved_daily * DAYS_A_MONTH)} {finding.currency} a month saved, read from the bill."
    if finding.category != "waste":
        return None
    expected = f"{amount(finding.monthly_cost)} {finding.currency}"
    return f"{expected} a month should be saved; the bill will be read again for it."
