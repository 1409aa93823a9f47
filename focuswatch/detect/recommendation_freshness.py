"""Check that AWS recommendations are provided and recent; otherwise, detections that read them resolve nothing."""

from collections.abc import Iterable
from datetime import date, timedelta

from focuswatch.catalog.sql_catalog import Detection
from focuswatch.engines import Engine
from focuswatch.engines.find_tables_read_by_sql import tables_read_by

TABLE = "recommendations"
# AWS refreshes recommendations daily. The detection's parameter fresh_days must have the same value.
STALE_DAYS = 3
REFRESHED = f"SELECT CAST(max(last_refresh_timestamp) AS date) AS refreshed_on FROM {TABLE}"


def not_evaluated_without_recommendations(
    engine: Engine, *, detections: Iterable[Detection], as_of: date
) -> tuple[frozenset[str], str | None]:
    """Return the detections that could not be evaluated, and why (None if all were). Raises QueryError."""
    readers = frozenset(one.id for one in detections if tables_read_by(one.sql, {TABLE: ""}))
    if not readers:
        return readers, None
    (row,) = engine.query(REFRESHED, label="recommendations")
    refreshed_on = row["refreshed_on"]
    if refreshed_on is not None and refreshed_on >= as_of - timedelta(days=STALE_DAYS):
        return frozenset(), None
    if refreshed_on is None:
        return (
            readers,
            "no recommendations from AWS Cost Optimization Hub (--recommendations)",
        )
    return (
        readers,
        f"AWS last refreshed its recommendations on {refreshed_on}",
    )
