"""Print an explanation on a terminal: a table of cost drivers that add up to the excess, then related changes."""

from decimal import Decimal

from rich.text import Text

from focuswatch.cli.output.amount_and_place_text import place, rounded
from focuswatch.cli.output.table_grid import Column, console, print_grid
from focuswatch.findings.cost_increase_explanation_models import CostDriver, Explanation
from focuswatch.findings.cost_increase_explanation_text import circumstances, explanation_headline
from focuswatch.findings.decimal_money_type_and_rounding import to_cents
from focuswatch.findings.finding import Finding
from focuswatch.findings.replace_control_characters import visible


def print_explanation(finding: Finding, explanation: Explanation) -> None:
    """Print the cost drivers of a finding, then what started, stopped or changed on the first day of the increase."""
    out = console()
    out.print(visible(finding.title), style="bold", markup=False)
    out.print(Text(visible(place(finding)), style="cyan"))
    out.print(visible(explanation_headline(explanation, currency=finding.currency)), markup=False)
    columns = (
        Column("Cost driver"),
        Column("Region"),
        Column("Operation"),
        Column("Resource", shortens=True),
        Column("By volume", number=True),
        Column("By price", number=True),
        Column(visible(finding.currency), number=True),
    )
    totals = (explanation.by_volume, explanation.by_price, explanation.excess)
    rows = [
        *map(_row, explanation.parts),
        ["Other", "", "", "", *map(_cents, _remainder(explanation))],
        ["Total", "", "", "", *map(_cents, totals)],
    ]
    print_grid(out, columns, rows)
    for line in circumstances(explanation, currency=finding.currency):
        out.print(visible(line), markup=False)


def _row(driver: CostDriver) -> list[str]:
    name = " ".join(filter(None, (driver.service_name, driver.meter)))
    name += " (new)" if driver.is_new else ""
    name += " (purchase, billed cost)" if driver.is_billed else ""
    resource = driver.resource_id or (f"{driver.resources} resources" if driver.resources > 1 else "")
    texts = (name, driver.region_id or "", driver.operation or "", resource)
    costs = map(_cents, (driver.by_volume, driver.by_price, driver.excess))
    return [visible(text) for text in (*texts, *costs)]


def _cents(value: Decimal) -> str:
    """Return an amount rounded to cents, without a minus sign if the amount rounds to 0."""
    return rounded(to_cents(value) + 0)


def _remainder(explanation: Explanation) -> tuple[Decimal, Decimal, Decimal]:
    """Return the parts of volume, price and excess that are not due to a listed driver."""
    drivers = explanation.parts
    volume = explanation.by_volume - sum((driver.by_volume for driver in drivers), Decimal(0))
    price = explanation.by_price - sum((driver.by_price for driver in drivers), Decimal(0))
    return volume, price, explanation.others
