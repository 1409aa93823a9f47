"""An explanation as a person reads it on a terminal."""

from decimal import Decimal

from rich import box
from rich.markup import escape as escaped
from rich.table import Table
from rich.text import Text

from focuswatch.explain.explanation import Explanation, Part
from focuswatch.explain.words import beside, headline
from focuswatch.findings import Finding, amount
from focuswatch.plain_text import visible
from focuswatch.show.table import console, place


def explanation(finding: Finding, explained: Explanation) -> None:
    """Why a finding's money rose: its parts as a table that adds up, then what else is known of the day."""
    out = console()
    out.print(visible(finding.title), style="bold", markup=False)
    out.print(Text(visible(place(finding)), style="cyan"))
    out.print(visible(headline(explained, currency=finding.currency)), markup=False)
    table = Table(box=box.SIMPLE_HEAD, show_footer=True)
    table.add_column("What rose", "the whole excess", overflow="fold")
    table.add_column("Region", overflow="fold")
    table.add_column("Operation", overflow="fold")
    table.add_column("Resource", overflow="fold", ratio=1)
    for heading, total in (
        ("By volume", explained.by_volume), ("By price", explained.by_price), (finding.currency, explained.excess),
    ):  # fmt: skip
        table.add_column(escaped(visible(heading)), _cents(total), justify="right", no_wrap=True)
    for part in explained.parts:
        table.add_row(*_part(part))
    table.add_row("everything else", "", "", "", *map(_cents, _rest(explained)))
    out.print(table)
    for line in beside(explained):
        out.print(visible(line), markup=False)


def _part(part: Part) -> list[Text]:
    what = " ".join(filter(None, (part.service_name, part.meter))) + (" (new)" if part.is_new else "")
    what += " (a purchase, as billed)" if part.is_billed else ""
    resource = part.resource_id or (f"{part.resources} resources" if part.resources > 1 else "")
    names = (what, part.region_id or "", part.operation or "", resource)
    costs = map(_cents, (part.by_volume, part.by_price, part.excess))
    return [Text(visible(said)) for said in (*names, *costs)]


def _cents(value: Decimal) -> str:
    """An amount without the sign of what rounds to nothing."""
    return amount(round(value, 2) + 0)


def _rest(explained: Explanation) -> tuple[Decimal, Decimal, Decimal]:
    parts = explained.parts
    volume = explained.by_volume - sum((part.by_volume for part in parts), Decimal(0))
    price = explained.by_price - sum((part.by_price for part in parts), Decimal(0))
    return volume, price, explained.others
