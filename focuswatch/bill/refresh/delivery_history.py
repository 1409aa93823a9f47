"""Extend the history of deliveries by a row for each billing period that a refresh found changed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

import duckdb

from focuswatch.bill.refresh.local_refresh_index_in_state_folder import MONEY_DIGITS, DeliveryRow, Unit
from focuswatch.bill.schema.columns_of_all_tables import DELIVERIES
from focuswatch.engines.duckdb_connection_macros_and_tables import create_table


def extended(
    history: tuple[DeliveryRow, ...],
    *,
    before: Mapping[str, Unit],
    after: Mapping[str, Unit],
    refreshed_at: datetime,
) -> tuple[DeliveryRow, ...]:
    """Return the history, with a new row for every billing period whose delivery changed."""
    touched = {
        period
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name)
        for units in (before, after)
        if name in units
        for period in _periods(name, units[name])
    }
    last = {row.billing_period: row for row in history}
    rows = [row for period in sorted(touched) if (row := _row(period, after, refreshed_at)) is not None]
    return (
        *history,
        *(row for row in rows if _reported_facts(row) != _reported_facts(last.get(row.billing_period))),
    )


def _row(period: date, units: Mapping[str, Unit], refreshed_at: datetime) -> DeliveryRow | None:
    """Return the charges of all units in one billing period; None if no unit contains the period any more."""
    holding = [unit for name, unit in units.items() if period in _periods(name, unit)]
    if not holding:
        return None
    facts = [fact for unit in holding for fact in unit.facts if fact.billing_period == period]
    return DeliveryRow(
        billing_period=period,
        delivered_at=max(unit.delivered_at for unit in holding),
        refreshed_at=refreshed_at,
        charges=sum(fact.charges for fact in facts),
        billed_cost=round(sum(fact.billed_cost for fact in facts), MONEY_DIGITS),
    )


def _periods(name: str, unit: Unit) -> Iterable[date]:
    """Return the billing periods of a unit; for a unit without charges, the period in its name."""
    periods = {fact.billing_period for fact in unit.facts}
    if not periods and len(name) == len("2026-05"):
        try:
            periods.add(date.fromisoformat(f"{name}-01"))
        except ValueError:
            return periods  # a flat file without charges
    return periods


def _reported_facts(row: DeliveryRow | None) -> object:
    return row and (row.delivered_at, row.charges, row.billed_cost)


def create_deliveries(connection: duckdb.DuckDBPyConnection, rows: Sequence[DeliveryRow]) -> None:
    """Create the table `deliveries`, with the latest row last."""
    values = [
        (
            row.billing_period,
            row.delivered_at.replace(tzinfo=None),
            row.refreshed_at.replace(tzinfo=None),
            row.charges,
            row.billed_cost,
        )
        for row in rows
    ]
    create_table(connection, "deliveries", DELIVERIES, values)
