"""Severities, and the thresholds that determine the severity of a finding from its category and stake. Pure."""

from decimal import Decimal
from typing import Literal

from focuswatch.catalog.sql_header_models import Category

Severity = Literal["critical", "high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")

# The lowest stake of each severity, in USD. Waste and governance: per month. Anomaly and security: the cost so far,
# plus the cost of another week if it continues.
SEVERITY_FROM: dict[Category, dict[Severity, Decimal]] = {
    "waste": {"medium": Decimal(100), "high": Decimal(1_000), "critical": Decimal(10_000)},
    "security": {"high": Decimal("-Infinity"), "critical": Decimal(1_000)},
    "anomaly": {"medium": Decimal(500), "high": Decimal(3_000), "critical": Decimal(15_000)},
    "governance": {"medium": Decimal(1_000), "high": Decimal(20_000)},
}


def severity_of(category: Category, stake_usd: Decimal, *, minor: bool = False) -> Severity:
    """Return the severity for a category and a stake in USD; low if the row of the detection is `minor`."""
    if minor:
        return "low"
    reached: list[Severity] = [name for name, limit in SEVERITY_FROM[category].items() if stake_usd >= limit]
    return max(reached, key=SEVERITIES.index, default="low")
