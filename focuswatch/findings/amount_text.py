"""The amounts of a finding in words: the same in Slack, Jira, mail and on the terminal."""

from datetime import date
from decimal import Decimal

from focuswatch.aws_alerts import ANOMALY, BUDGET
from focuswatch.catalog.catalog import Category
from focuswatch.findings.finding import DAYS_A_MONTH, Finding, amount

MEANS: dict[Category, str] = {
    "waste": "/month to save",
    "anomaly": " above expected",
    "security": " charged",
    "governance": "/month",
}
# Of these detections the amount is another than their category's.
MEANS_OF = {
    BUDGET: " against the budget",
    ANOMALY: " above what AWS expected",
    "budget_pace": " forecast above budget",
    "untagged_ai_spend": "/month unallocated",
}


def amount_suffix(detection: str, category: Category) -> str:
    """Return what follows an amount of a detection: `/month to save`."""
    return MEANS_OF.get(detection, MEANS[category])


def full_amount(finding: Finding) -> str:
    """Return all that a finding states of money: `345.60 USD/month to save`.

    Of an event: `8,063 USD charged since 2026-05-27; 120,945 USD/month if it continues`.
    """
    told = main_amount(finding)
    if not finding.is_event or finding.cost_so_far is None:
        return told
    if finding.ended_on is not None:
        return f"{told}; ended"
    if finding.monthly_cost_if_continues:
        return f"{told}; {_money(finding, finding.monthly_cost_if_continues)}/month if it continues"
    return told


def main_amount(finding: Finding) -> str:
    """Return the one amount of a finding, for a line: `8,063 USD charged since 2026-05-27`."""
    if finding.detection in (BUDGET, ANOMALY) and not finding.monthly_cost:
        return "no amount named"
    told = f"{_money(finding, finding.monthly_cost)}{amount_suffix(finding.detection, finding.category)}"
    return " ".join(filter(None, (told, _days(finding))))


def amount_label(finding: Finding) -> str:
    """Return what stands beside the one amount of a finding where its currency is known: `charged since 2026-05-27`."""
    told = " ".join(
        filter(None, (amount_suffix(finding.detection, finding.category), _days(finding)))
    ).strip()
    return told.replace("/month", "a month", 1) if told.startswith("/") else told


def _days(finding: Finding) -> str | None:
    """Return when an event took place, as far as is known."""
    if finding.cost_so_far is None or finding.detection == BUDGET:
        return None
    first, last = finding.started_on, finding.ended_on
    if last is None:
        return f"since {first}" if first else "so far"
    if first is None:
        return f"until {last}"
    return f"on {last}" if first == last else f"from {first} to {last}"


def _money(finding: Finding, value: Decimal) -> str:
    return f"{amount(value)} {finding.currency}"


def cost_so_far_text(finding: Finding, *, today: date) -> str | None:
    """Return what waste has cost since it was first seen, or an event altogether; None where that is not known."""
    if finding.detection in (BUDGET, ANOMALY):
        return None
    if finding.is_event:
        return f"{_money(finding, finding.cost_so_far)} so far" if finding.cost_so_far else None
    cost = finding.monthly_cost / DAYS_A_MONTH * days_open(finding, today=today)
    if finding.category != "waste" or cost <= 0:
        return None
    return f"about {_money(finding, cost)} so far"


def days_open(finding: Finding, *, today: date) -> int:
    """Days since the bill first showed it."""
    return max((today - finding.first_seen).days, 0)


def saving_text(finding: Finding, *, saved_daily: Decimal | None) -> str | None:
    """What a resolved finding saves; None where nothing was to be saved."""
    if saved_daily is not None:
        if saved_daily <= 0:
            return "The bill was read again: nothing is saved yet."
        return f"{_money(finding, saved_daily * DAYS_A_MONTH)}/month saved, read from the bill."
    if finding.category != "waste":
        return None
    return (
        f"{_money(finding, finding.monthly_cost)}/month should be saved; the bill will be read again for it."
    )
