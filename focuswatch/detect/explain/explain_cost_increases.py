"""Explain cost increases: their cost drivers, what started or stopped on their first day, token drivers and events."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.explain.add_operational_events import with_events
from focuswatch.detect.explain.hourly_onset import HourlyCharges
from focuswatch.detect.explain.query_calls_and_tokens import is_token_meter, query_token_drivers
from focuswatch.detect.explain.query_cost_drivers import (
    LEAST_SHARE,
    batches,
    query_cost_drivers,
    to_cost_driver,
)
from focuswatch.detect.explain.read_cost_increase_from_finding import CostIncrease
from focuswatch.engines import Engine, Row
from focuswatch.engines.values_as_sql_literals import Value
from focuswatch.findings.cost_increase_explanation_models import (
    MOST_FALLS,
    MOST_PARTS,
    MOST_TURNS,
    CostDriver,
    Explanation,
    StartedOrStopped,
)
from focuswatch.findings.decimal_money_type_and_rounding import money
from focuswatch.findings.split_token_cost_increase import TokenDrivers

LEAST_FALL = Decimal("-0.1")  # minimum share of the excess for a cost driver that decreased to be listed


def explain_cost_increases(
    increases: Sequence[CostIncrease],
    *,
    engine: Engine,
    catalog: Catalog,
    as_of: date,
    hourly: HourlyCharges | None = None,
) -> dict[str, Explanation]:
    """Return explanations by fingerprint; an increase without charges in the bill has none. Raises QueryError."""
    parts = query_cost_drivers(increases, engine=engine, catalog=catalog, label="explanations")
    circumstances = _query_started_and_stopped(increases, engine=engine, catalog=catalog, as_of=as_of)
    of_tokens = [
        rise for rise in increases if rise.fingerprint in parts and is_token_meter(parts[rise.fingerprint][0])
    ]
    token_drivers: dict[str, TokenDrivers] = {}
    for batch in batches(of_tokens):
        token_drivers |= query_token_drivers(batch, engine=engine, catalog=catalog)
    explanations = {
        increase.fingerprint: _explanation(
            increase, parts[increase.fingerprint], circumstances.get(increase.fingerprint, [])
        ).model_copy(update={"token_drivers": token_drivers.get(increase.fingerprint)})
        for increase in increases
        if increase.fingerprint in parts
    }
    return with_events(explanations, increases, engine=engine, catalog=catalog, hourly=hourly)


def _query_started_and_stopped(
    increases: Sequence[CostIncrease], *, engine: Engine, catalog: Catalog, as_of: date
) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    for batch in batches(increases):
        values: dict[str, Value] = {
            "rises": [
                (*increase.identity[:-1], increase.first_day)  # all resources of the account and service
                for increase in batch
            ],
            "first_day": min(increase.first_day for increase in batch),
            "as_of": as_of,
        }
        statement = catalog.lookups["started_and_stopped"].render(values)
        for row in engine.query(statement, label="explanations, started and stopped"):
            rows.setdefault(row["fingerprint"], []).append(row)
    return rows


def _explanation(increase: CostIncrease, rows: list[Row], circumstances: list[Row]) -> Explanation:
    excess = increase.excess
    if excess is None:
        excess = money(rows[0]["whole_cost"] - rows[0]["whole_cost_before"])
    parts = _parts(rows, excess=excess)
    by_price = money(rows[0]["whole_by_price"])
    return Explanation(
        first_day=increase.first_day,
        last_day=increase.end_day - timedelta(days=1),
        excess=money(excess),
        parts=parts,
        others=money(excess) - sum((part.excess for part in parts), Decimal(0)),
        by_volume=money(excess) - by_price,
        by_price=by_price,
        began=_started_or_stopped(row for row in circumstances if row["has_begun"]),
        ended=_started_or_stopped(row for row in circumstances if not row["has_begun"]),
    )


def _parts(rows: Sequence[Row], *, excess: Decimal) -> tuple[CostDriver, ...]:
    """Return the largest increases, then the largest decreases that offset them."""
    drivers = [to_cost_driver(row) for row in rows]
    increased = [
        part
        for part in drivers
        if part.excess >= LEAST_SHARE * excess
        and (part.excess > 0 or part.excess == excess)  # also an excess of 0: free usage
    ]
    decreased = [part for part in drivers if part.excess < 0 and part.excess <= LEAST_FALL * abs(excess)]
    return (*increased[:MOST_PARTS], *decreased[-MOST_FALLS:])


def _started_or_stopped(rows: Iterable[Row]) -> tuple[StartedOrStopped, ...]:
    """Return the rows with the highest cost, without duplicates.

    A row with the same cost as a listed row of its service is the same charges at another level. Resources are
    distinct, so all of them are listed.
    """
    listed: list[StartedOrStopped] = []
    for row in rows:
        cost = money(row["daily_cost"])
        is_listed = any(
            other.daily_cost == cost and other.service_name in (row["service_name"], None) for other in listed
        )
        if len(listed) < MOST_TURNS and (not is_listed or row["kind"] == "resource"):
            listed.append(
                StartedOrStopped(
                    kind=row["kind"], service_name=row["service_name"], name=row["name"], daily_cost=cost
                )
            )
    return tuple(listed)
