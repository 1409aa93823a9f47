"""The files that the last refresh left of each unit, and SELECTs over them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from focuswatch.bill.ingest.choose_newest_deliveries import PeriodDelivery
from focuswatch.bill.ingest.format_and_focus_columns import Shape
from focuswatch.bill.ingest.select_from_files import relation
from focuswatch.bill.refresh.folded_and_kept_views import daily_select, folded_select
from focuswatch.bill.refresh.refresh_index import Unit
from focuswatch.engines.sql_values import literal

MOST_NAMED_UNITS = 100  # three years of hourly exports and flat files of some days alike


def selects(units: Mapping[str, Unit], deliveries: Iterable[PeriodDelivery], *, kept: Path) -> list[str]:
    """Return SELECTs that together give all units' charges by day, and one over what was folded.

    Each says the days it has, so that a query about some days does not open the files of others; where units
    are too many for that, files of one shape are read together.
    """
    direct: dict[tuple[Shape, str], list[str]] = {}
    folded: list[str] = []
    named = len(units) <= MOST_NAMED_UNITS
    for delivery in deliveries:
        unit = units[delivery.unit]
        if unit.is_folded:
            folded.extend(folded_files(kept / unit.folder))
            continue
        paths = {str(file.name): str(file.path) for file in delivery.files}
        days = _days(unit) if named and unit.facts else "true"
        for part in unit.parts:
            shape = part.shape if named else part.shape.model_copy(update={"billing_period": None})
            direct.setdefault((shape, days), []).extend(paths[name] for name in part.files)
    direct_selects = [
        f"{daily_select(relation(shape, paths))} WHERE {days}" for (shape, days), paths in direct.items()
    ]
    return [*direct_selects, folded_select(folded)] if folded else direct_selects


def _days(unit: Unit) -> str:
    first = min(fact.first_charge_date for fact in unit.facts)
    last = max(fact.last_charge_date for fact in unit.facts)
    return f"charge_date BETWEEN {literal(first)} AND {literal(last)}"


def table_files(table: str, units: Mapping[str, Unit], *, kept: Path) -> list[str]:
    """Return the files of a kept table, one per unit."""
    return [table_file(kept / unit.folder, table) for unit in units.values()]


def table_file(folder: Path, table: str) -> str:
    """Return the file of a kept table in a unit's folder."""
    return str(folder / f"{table}.parquet")


def sizes_in(folder: Path) -> dict[str, int]:
    """Return the size of every file in a unit's folder, by name; empty if the folder does not exist."""
    return {path.name: path.stat().st_size for path in sorted(folder.glob("*.parquet"))}


def folded_files(folder: Path) -> list[str]:
    """Return the files that `fold` wrote into a unit's folder."""
    return sorted(str(path) for path in folder.glob("part-*.parquet"))
