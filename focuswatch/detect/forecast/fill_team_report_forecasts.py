"""Add the forecast of the current month to the rows of a report by team."""

from collections.abc import Sequence
from datetime import date, timedelta

from focuswatch.detect.forecast.daily_matrices import charges_of
from focuswatch.detect.forecast.month_end_forecast import MonthEnd, month_ends
from focuswatch.engines import Engine, Row

TOTAL, UNALLOCATED = "(total)", "(unallocated)"
LEAVES = """
SELECT
    team,
    CAST(NULL AS varchar) AS use_case,
    sub_account_id,
    service_name,
    charge_date,
    is_settled,
    usage_cost,
    fee_cost
FROM {table}
"""


def with_forecasts(rows: Sequence[Row], *, table: str, engine: Engine, label: str, as_of: date) -> list[Row]:
    """Return the rows with the forecast of their team, highest cost first and the total last. Raises QueryError.

    `table` has daily costs by team. Without a complete day there is no forecast, and the forecast columns stay null.
    """
    ends = _team_ends(table, engine=engine, label=label, as_of=as_of) if rows else {}
    filled = [{**row, **_columns(ends.get(row["team"]))} for row in rows]
    return sorted(filled, key=lambda row: (row["team"] == TOTAL, -row["effective_cost"], row["team"]))


def _columns(end: MonthEnd | None) -> Row:
    if end is None:
        return {}
    return {"month_to_date": end.spent, "forecast": end.forecast, "low": end.low, "high": end.high}


def _team_ends(table: str, *, engine: Engine, label: str, as_of: date) -> dict[str, MonthEnd]:
    """Return the forecast for each team and for the total, for the month of the day before `as_of`."""
    columns = engine.columns(LEAVES.format(table=table), label=f"{label}, its forecasts")
    if not columns or not len(columns["charge_date"]):
        return {}
    charges = charges_of(columns)
    if not charges.settled_days:
        return {}
    groups: dict[str, list[int]] = {TOTAL: list(range(len(charges.keys)))}
    for number, (team, *_) in enumerate(charges.keys):
        groups.setdefault(team or UNALLOCATED, []).append(number)
    month = (as_of - timedelta(days=1)).replace(day=1)
    ends = month_ends(charges, list(groups.values()), month=month)
    return dict(zip(groups, ends, strict=True))
