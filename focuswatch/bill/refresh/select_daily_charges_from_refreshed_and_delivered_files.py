"""Build the SELECTs of daily charges over the stored or delivered files of all units."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from focuswatch.bill.ingest.detect_focus_columns_or_reject_file import Shape
from focuswatch.bill.ingest.select_deliveries_and_flat_files import PeriodDelivery
from focuswatch.bill.ingest.select_from_files import select_focus_export
from focuswatch.bill.refresh.local_refresh_index_in_state_folder import Unit
from focuswatch.bill.refresh.paths_and_sizes_of_refreshed_files import folded_files
from focuswatch.bill.refresh.views_over_refreshed_files import daily_select, folded_select
from focuswatch.engines.values_as_sql_literals import literal

MOST_NAMED_UNITS = 100  # enough for three years of billing periods, or of flat files with some days each


def daily_charge_selects(
    units: Mapping[str, Unit], deliveries: Iterable[PeriodDelivery], *, kept: Path
) -> list[str]:
    """Return SELECTs that together give the daily charges of all units, with a single one over all folded files.

    Each SELECT over delivered files states their days, so that a query for some days does not open files of other days.
    With more than MOST_NAMED_UNITS units, all delivered files of one shape are read together instead.
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
        f"{daily_select(select_focus_export(shape, paths))} WHERE {days}"
        for (shape, days), paths in direct.items()
    ]
    return [*direct_selects, folded_select(folded)] if folded else direct_selects


def _days(unit: Unit) -> str:
    first = min(fact.first_charge_date for fact in unit.facts)
    last = max(fact.last_charge_date for fact in unit.facts)
    return f"charge_date BETWEEN {literal(first)} AND {literal(last)}"
