"""Reject exports that are readable but unusable: monthly granularity, running totals, or no charges."""

import re
from collections.abc import Mapping, Sequence

import duckdb

from focuswatch.bill.ingest.select_deliveries_and_flat_files import PeriodDelivery
from focuswatch.bill.ingest.select_from_files import select_focus_export
from focuswatch.bill.refresh.local_refresh_index_in_state_folder import Unit
from focuswatch.bill.refresh.query_period_facts_and_export_grain import grain_of
from focuswatch.errors import ExportError

# Hourly files of LiteLLM's `focus` callback. LiteLLM writes the row of a day's spend again whenever the spend changes:
# https://github.com/BerriAI/litellm/tree/main/litellm/integrations/focus (database.py). It writes rows of tokens once.
HOURLY_OF_LITELLM = re.compile(r"(.*/)?date=[^/]+/hour=\d\d/usage_\w+\.(parquet|csv)")
DAY_TOTALS = "Requests"  # ConsumedUnit of rows with the spend of a day


def refuse_unusable(
    source: str,
    units: Mapping[str, Unit],
    deliveries: Sequence[PeriodDelivery],
    *,
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """Raise ExportError if the units have no charges, cannot be added up, or cannot be assigned to days."""
    if all(fact.currency is None for unit in units.values() for fact in unit.facts):
        raise ExportError(
            f"{source}: no charges found; expected at least one row with a value in BillingCurrency. "
            "Wait for the first delivery, or specify another folder"
        )
    _refuse_running_totals(source, units, deliveries, connection=connection)
    if grain_of([unit.periods for unit in units.values()]) == "MONTHLY":
        file = next(
            file for delivery in deliveries for file in delivery.files if units[delivery.unit].periods.monthly
        )
        raise ExportError(
            f"{file.path}: charges have monthly granularity; expected daily or hourly "
            "granularity. Create the export with this granularity (on AWS: TIME_GRANULARITY DAILY or HOURLY), "
            "or remove the file"
        )


def _refuse_running_totals(
    source: str,
    units: Mapping[str, Unit],
    deliveries: Sequence[PeriodDelivery],
    *,
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """Raise ExportError for several hourly LiteLLM files, because each contains the spend since midnight."""
    hourly = [one for one in deliveries if HOURLY_OF_LITELLM.fullmatch(one.unit)]
    if len(hourly) < 2 or not hourly[0].files[0].path.exists():  # noqa: PLR2004  one file cannot repeat another
        return
    shape = units[hourly[0].unit].parts[0].shape
    rows = select_focus_export(shape, [str(hourly[0].files[0].path)])
    (first,) = connection.execute(f"SELECT ConsumedUnit FROM ({rows}) LIMIT 1").fetchone() or (None,)
    if first == DAY_TOTALS:
        raise ExportError(
            f"{source}: found {len(hourly)} hourly LiteLLM files, such as {hourly[0].unit}; expected daily files. "
            "Each row of an hourly file contains the spend since midnight, so adding up the files would count the "
            "same spend several times. Set FOCUS_FREQUENCY=daily in LiteLLM and repeat the export"
        )
