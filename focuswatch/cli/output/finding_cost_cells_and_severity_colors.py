"""The cells, columns and colors of findings in terminal tables."""

from focuswatch.cli.output.amount_and_place_text import rounded
from focuswatch.cli.output.table_grid import Column
from focuswatch.findings.finding import Finding

COLORS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "dim"}
NO_OWNER = "no owner"


def cost_columns(currency: str) -> tuple[Column, Column]:
    """Return the two columns for the cells of `cost_cells`."""
    return Column(f"{currency}/month", number=True), Column("So far", number=True)


def cost_cells(finding: Finding) -> tuple[str, str]:
    """Return the cells for the monthly cost and the cost so far; one of them is empty."""
    cost = rounded(finding.monthly_cost)
    return ("", cost) if finding.is_event else (cost, "")
