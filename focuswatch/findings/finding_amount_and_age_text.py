"""Format the amounts and the age of a finding as text, for Slack, Jira, mail, the page and the terminal."""

from datetime import date
from decimal import Decimal

from focuswatch.catalog.sql_header_models import Category
from focuswatch.findings.amount_text_without_currency import amount
from focuswatch.findings.aws_alert_detection_ids import ANOMALY, AWS_ALERTS, BUDGET
from focuswatch.findings.compute_finding_amounts_and_event_end import DAYS_A_MONTH
from focuswatch.findings.count_text import count_text
from focuswatch.findings.finding import Finding

SUFFIXES: dict[Category, str] = {
    "waste": "/month in potential savings",
    "anomaly": " above expected",
    "security": " charged",
    "governance": "/month",
}
# Detections whose amount has another meaning than that of their category.
SUFFIX_BY_DETECTION = {
    BUDGET: " in actual or forecast spend",
    ANOMALY: " above what AWS expected",
    "budget_pace": " forecast above budget",
    "live_burn": " above expected (estimate)",
    "spend_cap": "/month at the current rate",
    "untagged_ai_spend": "/month unallocated",
}


def amount_suffix(detection: str, category: Category) -> str:
    """Return the text that follows an amount of a detection: `/month in potential savings`."""
    return SUFFIX_BY_DETECTION.get(detection, SUFFIXES[category])


def full_amount(finding: Finding) -> str:
    """Return all amounts of a finding: `345.60 USD/month in potential savings`.

    For the lead of a rollout, the amounts are totals over all accounts. For an event:
    `8,063 USD charged since 2026-05-27; 120,945 USD/month if usage continues`.
    """
    text = main_amount(finding)
    if not finding.is_event or finding.cost_so_far is None:
        return text
    if finding.ended_on is not None:
        return f"{text}; ended"
    rollout = finding.rollout
    monthly = rollout.monthly_cost_if_continues if rollout else finding.monthly_cost_if_continues
    if monthly:
        return f"{text}; {money_text(finding, monthly)}/month if usage continues"
    return text


def main_amount(finding: Finding) -> str:
    """Return the main amount of a finding, in one line: `8,063 USD charged since 2026-05-27`."""
    if finding.detection in AWS_ALERTS and not finding.monthly_cost:
        return "no amount in the alert"
    text = f"{money_text(finding, main_cost(finding))}{amount_suffix(finding.detection, finding.category)}"
    return " ".join(filter(None, (text, _days(finding))))


def main_cost(finding: Finding) -> Decimal:
    """Return the amount per month, or the cost so far of an event; for the lead of a rollout, that of all accounts."""
    total = finding.rollout.cost_so_far if finding.rollout else None
    return finding.monthly_cost if total is None else total


def changed_amount(finding: Finding, *, before: Finding) -> str:
    """Return all amounts with the previous one: `16,127 USD charged since 2026-05-27 (previously 8,063 USD)`."""
    now = main_amount(finding)
    was = previous_amount(before, main_cost(before)) if main_cost(before) else main_amount(before)
    return f"{now} (previously {was}){full_amount(finding).removeprefix(now)}"


def previous_amount(finding: Finding, value: Decimal) -> str:
    """Return an earlier amount, to show next to the current one: `2,400 USD/month`, or `8,063 USD` for an event."""
    is_monthly = amount_suffix(finding.detection, finding.category).startswith("/month")
    return f"{money_text(finding, value)}{'/month' if is_monthly else ''}"


def amount_label(finding: Finding) -> str:
    """Return the text next to the amount of a finding in a table with a currency: `charged since 2026-05-27`."""
    text = " ".join(
        filter(None, (amount_suffix(finding.detection, finding.category), _days(finding)))
    ).strip()
    return text.replace("/month", "a month", 1) if text.startswith("/") else text


def _days(finding: Finding) -> str | None:
    """Return the first and last day of an event as text, as far as they are known; None for other findings."""
    if finding.cost_so_far is None or finding.detection == BUDGET:
        return None
    first, last = finding.started_on, finding.ended_on
    if last is None:
        return f"since {first}" if first else "so far"
    if first is None:
        return f"until {last}"
    return f"on {last}" if first == last else f"from {first} to {last}"


def money_text(finding: Finding, value: Decimal) -> str:
    """Return an amount with the currency of a finding."""
    return f"{amount(value)} {finding.currency}"


def cost_so_far_text(finding: Finding, *, today: date) -> str | None:
    """Return the cost of waste since it was first seen, or the total of an event; None if unknown."""
    if finding.detection in AWS_ALERTS:
        return None
    if finding.is_event:
        cost = main_cost(finding)
        return (
            f"cost so far: {money_text(finding, cost)}" if finding.cost_so_far is not None and cost else None
        )
    cost = finding.monthly_cost / DAYS_A_MONTH * days_open(finding, today=today)
    if finding.category != "waste" or cost <= 0:
        return None
    return f"cost so far: about {money_text(finding, cost)}"


def days_open(finding: Finding, *, today: date) -> int:
    """Return the days since the finding was first seen."""
    return max((today - finding.first_seen).days, 0)


def days_open_text(finding: Finding, *, today: date) -> str:
    """Return how long the finding has been open, e.g. `9 days`."""
    return count_text(days_open(finding, today=today), "day")
