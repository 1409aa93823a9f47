"""Query the cost drivers of cost increases: which meters, operations and resources account for the excess."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.explain.read_cost_increase_from_finding import CostIncrease
from focuswatch.engines import Engine, Row
from focuswatch.engines.values_as_sql_literals import Scalar, Value
from focuswatch.findings.cost_increase_explanation_models import CostDriver
from focuswatch.findings.decimal_money_type_and_rounding import money

LEAST_SHARE = Decimal("0.01")  # minimum share of the excess for a cost driver to be listed
HALF = Decimal("0.5")
# Cost increases per statement. Athena accepts at most 262,144 bytes of SQL:
# https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
BATCH_SIZE = 200


def query_cost_drivers(
    increases: Sequence[CostIncrease], *, engine: Engine, catalog: Catalog, label: str
) -> dict[str, list[Row]]:
    """Return the rows of athena_sql/lookups/cost_drivers.sql by fingerprint, highest cost first."""
    rows: dict[str, list[Row]] = {}
    for batch in batches(increases):
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


def batches(increases: Sequence[CostIncrease]) -> Iterable[Sequence[CostIncrease]]:
    """Return the increases in batches that each fit into one statement."""
    return (increases[first : first + BATCH_SIZE] for first in range(0, len(increases), BATCH_SIZE))
