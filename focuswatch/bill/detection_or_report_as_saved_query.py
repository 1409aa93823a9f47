"""Render a detection or report as a saved query for the Athena console. This module does not call Athena."""

from collections.abc import Sequence

from focuswatch.bill.render_tables_not_stored_on_athena_and_trino import tables_as_of
from focuswatch.catalog.sql_catalog import PER_USD, Catalog, Detection, Report
from focuswatch.engines.prepend_tables_as_ctes import with_tables
from focuswatch.engines.values_as_sql_literals import Expression, Value

TODAY = Expression("current_date")
WEEK_AGO = Expression("CAST(current_date - INTERVAL '7' DAY AS date)")


def saved_query(
    entry: Detection | Report, *, catalog: Catalog, required_tags: Sequence[str], per_usd: float = 1.0
) -> str:
    """Return the SQL of a detection or report that runs as of the current date and reports what is new since last week.

    `per_usd` converts thresholds in USD: units of the billing currency for one US dollar.
    """
    values: dict[str, Value] = {
        "as_of": TODAY,
        "first_new_day": WEEK_AGO,
        "required_tags": list(required_tags),
        PER_USD: per_usd,
    }
    return with_tables(entry.render(values), tables_as_of(catalog, as_of=TODAY)).strip()
