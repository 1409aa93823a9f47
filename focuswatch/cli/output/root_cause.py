"""An explanation as a person reads it on a terminal."""

from decimal import Decimal

from rich.text import Text

from focuswatch.cli.output.table_grid import Column, grid
from focuswatch.cli.output.tables import console, place, rounded
from focuswatch.findings.explanation import CostDriver, Explanation
from focuswatch.findings.explanation_text import circumstances, explanation_headline
from focuswatch.findings.finding import Finding
from focuswatch.findings.visible_text import visible


def explanation(finding: Finding, explained: Explanation) -> None:
    """Why a finding's money rose: its parts as a table that adds up, then what else is known of the day."""
    out = console()
    out.print(visible(finding.title), style="bold", markup=False)
    out.print(Text(visible(place(finding)), style="cyan"))
    out.print(visible(explanation_headline(explained, currency=finding.currency)), markup=False)
    columns = (
        Column("Cost driver"), Column("Region"), Column("Operation"), Column("Resource", shortens=True),
        Column("By volume", number=True), Column("By price", number=True),
        Column(visible(finding.currency), number=True),
    )  # fmt: skip
    totals = (explained.by_volume, explained.by_price, explained.excess)
    rows = [
        *map(_part, explained.parts),
        ["everything else", "", "", "", *map(_cents, _rest(explained))],
        ["the whole excess", "", "", "", *map(_cents, totals)],
    ]
    out.print(grid(columns, rows, width=out.width), soft_wrap=True)
    for line in circumstances(explained):
        out.print(visible(line), markup=False)


def _part(part: CostDriver) -> list[str]:
    what = " ".join(filter(None, (part.service_name, part.meter))) + (" (new)" if part.is_new else "")
    what += " (a purchase, as billed)" if part.is_billed else ""
    resource = part.resource_id or (f"{part.resources} resources" if part.resources > 1 else "")
    names = (what, part.region_id or "", part.operation or "", resource)
    costs = map(_cents, (part.by_volume, part.by_price, part.excess))
    return [visible(said) for said in (*names, *costs)]


def _cents(value: Decimal) -> str:
    """An amount without the sign of what rounds to nothing."""
    return rounded(round(value, 2) + 0)


def _rest(explained: Explanation) -> tuple[Decimal, Decimal, Decimal]:
    parts = explained.parts
    volume = explained.by_volume - sum((part.by_volume for part in parts), Decimal(0))
    price = explained.by_price - sum((part.by_price for part in parts), Decimal(0))
    return volume, price, explained.others
