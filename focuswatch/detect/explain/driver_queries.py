"""Rises, asked of the tables: their parts, and what turned on their first day, two hundred at once."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from focuswatch.catalog.catalog import Catalog
from focuswatch.detect.explain.cost_increase import CostIncrease
from focuswatch.engines import Engine, Row
from focuswatch.engines.sql_literals import Scalar, Value
from focuswatch.findings.explanation import (
    MOST_FALLS,
    MOST_PARTS,
    MOST_TURNS,
    CostDriver,
    Explanation,
    StartedOrStopped,
)
from focuswatch.findings.finding import money

LEAST_SHARE = Decimal("0.01")  # of the excess: what is less explains nothing
LEAST_FALL = Decimal("-0.1")
HALF = Decimal("0.5")
AT_ONCE = 200  # rises a statement: Athena takes 262,144 bytes of SQL, https://docs.aws.amazon.com/athena/latest/ug/service-limits.html


def explain_cost_increases(
    rises: Sequence[CostIncrease], *, engine: Engine, catalog: Catalog, as_of: date
) -> dict[str, Explanation]:
    """Explanations by fingerprint; a rise of which the bill has no charge has none. Raises QueryError."""
    parts = query_cost_drivers(rises, engine=engine, catalog=catalog, label="explanations")
    turns = _turns(rises, engine=engine, catalog=catalog, as_of=as_of)
    return {
        rise.fingerprint: _explanation(rise, parts[rise.fingerprint], turns.get(rise.fingerprint, []))
        for rise in rises
        if rise.fingerprint in parts
    }


def query_cost_drivers(
    rises: Sequence[CostIncrease], *, engine: Engine, catalog: Catalog, label: str
) -> dict[str, list[Row]]:
    """Rows of athena_sql/lookups/excess_charges.sql by fingerprint, costliest first."""
    found: dict[str, list[Row]] = {}
    for some in _portions(rises):
        services: list[Scalar] = [*sorted({rise.service_name or "" for rise in some})]
        values: dict[str, Value] = {
            "rises": [rise.row for rise in some],
            "service_names": services,
            "every_service": any(not rise.service_name and not rise.of_one_service for rise in some),
            "first_day": min(rise.before_from for rise in some),
            "end_day": max(rise.end_day for rise in some),
        }
        for row in engine.query(catalog.lookups["excess_charges"].render(values), label=label):
            found.setdefault(row["fingerprint"], []).append(row)
    return found


def charges_of(rise: CostIncrease, *, engine: Engine, catalog: Catalog) -> list[Row]:
    """Return the charges of a rise's days by category and frequency, whether they are usage or not."""
    values: dict[str, Value] = {
        "rises": [
            (rise.fingerprint, rise.sub_account_id, rise.region_id, rise.service_name, rise.resource_id)
        ],
        "first_day": rise.first_day,
        "end_day": rise.end_day,
    }
    return engine.query(catalog.lookups["rise_charges"].render(values), label="charges of a finding")


def _turns(
    rises: Sequence[CostIncrease], *, engine: Engine, catalog: Catalog, as_of: date
) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for some in _portions(rises):
        values: dict[str, Value] = {
            "rises": [
                (rise.fingerprint, rise.sub_account_id, rise.region_id, rise.service_name, rise.first_day)
                for rise in some
            ],
            "first_day": min(rise.first_day for rise in some),
            "as_of": as_of,
        }
        statement = catalog.lookups["began_and_ended"].render(values)
        for row in engine.query(statement, label="explanations, what began and ended"):
            found.setdefault(row["fingerprint"], []).append(row)
    return found


def _portions(rises: Sequence[CostIncrease]) -> Iterable[Sequence[CostIncrease]]:
    return (rises[first : first + AT_ONCE] for first in range(0, len(rises), AT_ONCE))


def _explanation(rise: CostIncrease, rows: list[Row], turns: list[Row]) -> Explanation:
    excess = rise.excess
    if excess is None:
        excess = money(rows[0]["whole_cost"] - rows[0]["whole_cost_before"])
    parts = _parts(rows, excess=excess)
    by_price = money(rows[0]["whole_by_price"])
    return Explanation(
        first_day=rise.first_day,
        last_day=date.fromordinal(rise.end_day.toordinal() - 1),
        excess=money(excess),
        parts=parts,
        others=money(excess) - sum((part.excess for part in parts), Decimal(0)),
        by_volume=money(excess) - by_price,
        by_price=by_price,
        began=_told(row for row in turns if row["has_begun"]),
        ended=_told(row for row in turns if not row["has_begun"]),
    )


def _parts(rows: Sequence[Row], *, excess: Decimal) -> tuple[CostDriver, ...]:
    """What rose by money, then what fell by as much as to matter; it makes room for others that rose."""
    every = [to_cost_driver(row) for row in rows]
    rose = [
        part
        for part in every
        if part.excess >= LEAST_SHARE * excess and (part.excess > 0 or part.excess == excess)  # free use too
    ]
    fell = [part for part in every if part.excess < 0 and part.excess <= LEAST_FALL * abs(excess)]
    return (*rose[:MOST_PARTS], *fell[-MOST_FALLS:])


def to_cost_driver(row: Row) -> CostDriver:
    """A row of athena_sql/lookups/excess_charges.sql; its resource is named where it brings half of the part."""
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


def _told(rows: Iterable[Row]) -> tuple[StartedOrStopped, ...]:
    """The costliest. What costs the same as something told is the same thing again; a resource is a name to ask for."""
    told: list[StartedOrStopped] = []
    for row in rows:
        cost = money(row["daily_cost"])
        whole = any(
            one.daily_cost == cost and one.service_name in (row["service_name"], None) for one in told
        )
        if len(told) < MOST_TURNS and (not whole or row["kind"] == "resource"):
            told.append(
                StartedOrStopped(
                    kind=row["kind"], service_name=row["service_name"], name=row["name"], daily_cost=cost
                )
            )
    return tuple(told)
