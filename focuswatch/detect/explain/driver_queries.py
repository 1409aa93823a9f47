"""Query the cost drivers of cost increases and what started or stopped on their first day, in batches of 200."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.explain.cost_increase_of_finding import CostIncrease
from focuswatch.detect.explain.event_queries import with_events
from focuswatch.detect.explain.hourly_onset import HourlyCharges
from focuswatch.detect.explain.token_driver_queries import is_token_meter, query_token_drivers
from focuswatch.engines import Engine, Row
from focuswatch.engines.sql_values import Scalar, Value
from focuswatch.findings.explanation import (
    MOST_FALLS,
    MOST_PARTS,
    MOST_TURNS,
    CostDriver,
    Explanation,
    StartedOrStopped,
)
from focuswatch.findings.six_decimal_money import money
from focuswatch.findings.split_token_cost_increase import TokenDrivers

LEAST_SHARE = Decimal("0.01")  # minimum share of the excess for a cost driver to be listed
LEAST_FALL = Decimal("-0.1")  # the same for a cost driver that decreased
HALF = Decimal("0.5")
# Cost increases per statement. Athena accepts at most 262,144 bytes of SQL:
# https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
BATCH_SIZE = 200


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
    for batch in _batches(of_tokens):
        token_drivers |= query_token_drivers(batch, engine=engine, catalog=catalog)
    explanations = {
        increase.fingerprint: _explanation(
            increase, parts[increase.fingerprint], circumstances.get(increase.fingerprint, [])
        ).model_copy(update={"token_drivers": token_drivers.get(increase.fingerprint)})
        for increase in increases
        if increase.fingerprint in parts
    }
    return with_events(explanations, increases, engine=engine, catalog=catalog, hourly=hourly)


def query_cost_drivers(
    increases: Sequence[CostIncrease], *, engine: Engine, catalog: Catalog, label: str
) -> dict[str, list[Row]]:
    """Return the rows of athena_sql/lookups/cost_drivers.sql by fingerprint, highest cost first."""
    rows: dict[str, list[Row]] = {}
    for batch in _batches(increases):
        services: list[Scalar] = [*sorted({increase.service_name or "" for increase in batch})]
        values: dict[str, Value] = {
            "rises": [increase.row for increase in batch],
            "service_names": services,
            "every_service": any(
                not increase.service_name and not increase.of_one_service for increase in batch
            ),
            "first_day": min(increase.before_from for increase in batch),
            "end_day": max(increase.end_day for increase in batch),
        }
        for row in engine.query(catalog.lookups["cost_drivers"].render(values), label=label):
            rows.setdefault(row["fingerprint"], []).append(row)
    return rows


def charges_of(increase: CostIncrease, *, engine: Engine, catalog: Catalog) -> list[Row]:
    """Return all charges on the days of a cost increase, by charge category and frequency."""
    values: dict[str, Value] = {
        "rises": [
            (
                increase.fingerprint,
                increase.sub_account_id,
                increase.region_id,
                increase.service_name,
                increase.resource_id,
            )
        ],
        "first_day": increase.first_day,
        "end_day": increase.end_day,
    }
    return engine.query(
        catalog.lookups["finding_charge_categories"].render(values), label="charges of a finding"
    )


def _query_started_and_stopped(
    increases: Sequence[CostIncrease], *, engine: Engine, catalog: Catalog, as_of: date
) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    for batch in _batches(increases):
        values: dict[str, Value] = {
            "rises": [
                (
                    increase.fingerprint,
                    increase.sub_account_id,
                    increase.region_id,
                    increase.service_name,
                    increase.first_day,
                )
                for increase in batch
            ],
            "first_day": min(increase.first_day for increase in batch),
            "as_of": as_of,
        }
        statement = catalog.lookups["started_and_stopped"].render(values)
        for row in engine.query(statement, label="explanations, started and stopped"):
            rows.setdefault(row["fingerprint"], []).append(row)
    return rows


def _batches(increases: Sequence[CostIncrease]) -> Iterable[Sequence[CostIncrease]]:
    return (increases[first : first + BATCH_SIZE] for first in range(0, len(increases), BATCH_SIZE))


def _explanation(increase: CostIncrease, rows: list[Row], circumstances: list[Row]) -> Explanation:
    excess = increase.excess
    if excess is None:
        excess = money(rows[0]["whole_cost"] - rows[0]["whole_cost_before"])
    parts = _parts(rows, excess=excess)
    by_price = money(rows[0]["whole_by_price"])
    return Explanation(
        first_day=increase.first_day,
        last_day=date.fromordinal(increase.end_day.toordinal() - 1),
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


def to_cost_driver(row: Row) -> CostDriver:
    """Convert a row of athena_sql/lookups/cost_drivers.sql; its resource is included if it causes half the excess."""
    excess = money(row["excess"])
    is_most = row["resource_excess"] is not None and money(row["resource_excess"]) >= HALF * excess > 0
    return CostDriver(
        sub_account_id=row["sub_account_id"],
        service_name=row["service_name"],
        region_id=row["region_id"],
        meter=row["meter"],
        operation=row["operation"],
        resource_id=row["resource_id"] if is_most else None,
        resources=row["resources"],
        excess=excess,
        by_price=money(row["by_price"]),
        is_new=row["is_new"],
        is_billed=bool(row["is_billed"]),
    )


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
