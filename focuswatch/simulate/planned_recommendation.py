"""Define a planned recommendation of AWS Cost Optimization Hub for the resource of a line."""

from dataclasses import dataclass
from datetime import date

from focuswatch.simulate.planned_charge_line import Line

MONTH_DAYS = 30


@dataclass(frozen=True)
class PlannedRecommendation:
    """A recommendation for the resource of a line; amounts in USD per month."""

    line: Line
    action: str
    saving: float
    refreshed_on: date
    currency: str = "USD"
    resource: str | None = None  # overrides the line's resource; empty: none

    @property
    def cost(self) -> float:
        """Return the cost that the recommendation estimates; see list_cost."""
        return list_cost(self.line)

    @property
    def arn(self) -> str:
        """Return the ARN that the recommendation names."""
        return str(self.line.resource) if self.resource is None else self.resource


def list_cost(line: Line) -> float:
    """Return the monthly cost of a line at the list price of us-east-1.

    Unlike the bill, it disregards the line's Region and the negotiated discount.
    """
    return line.daily * line.meter.price * MONTH_DAYS
