"""Add the forecast of the current month to the rows of a report by team."""

from collections.abc import Sequence
from datetime import date

from focuswatch.detect.forecast.month_end_forecast import MonthEnd, month_ends_by_group, month_of_last_day
from focuswatch.detect.forecast.usage_and_fee_matrices import Key
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
    return month_ends_by_group(
        LEAVES.format(table=table),
        engine=engine,
        label=f"{label}, its forecasts",
        month=month_of_last_day(as_of),
        groups_of=_teams_and_total,
    )


def _teams_and_total(keys: Sequence[Key]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {TOTAL: list(range(len(keys)))}
    for number, (team, *_) in enumerate(keys):
        groups.setdefault(team or UNALLOCATED, []).append(number)
    return groups
