"""The statements of a refresh on a Trino: only what its Hive, Iceberg and memory connectors all take. Pure text.

No connector has a change of several rows or files that all of them share; a view's text they all replace at once:
https://trino.io/docs/current/sql/create-view.html
So a billing period is a table of its own, made whole under a new name, and a view says which tables count.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from focuswatch.columns import DELIVERIES
from focuswatch.engine.given_rows import trino_type
from focuswatch.export.index import DeliveryRow
from focuswatch.literals import Scalar, literal, literals

MONEY = (
    "decimal(38, 9)"  # sums of doubles differ in their last digit from run to run; of decimals they do not
)


def month_after(period: date) -> date:
    """The first day of the next month."""
    return (period + timedelta(days=31)).replace(day=1)


def delivered(export: str, period: date) -> str:
    """The rows of the export that are of one billing period."""
    return (
        f"FROM {export}\nWHERE CAST(BillingPeriodStart AS date) >= {literal(period)}"
        f" AND CAST(BillingPeriodStart AS date) < {literal(month_after(period))}"
    )


def facts(export: str) -> str:
    """One row for every billing period of the export: what tells whether it changed, and what cannot be used."""
    return f"""
SELECT
    CAST(date_trunc('month', BillingPeriodStart) AS date) AS billing_period,
    count(*) AS charges,
    sum(CAST(BilledCost AS {MONEY})) AS billed_cost,
    sum(CAST(EffectiveCost AS {MONEY})) AS effective_cost,
    sum(CAST(ConsumedQuantity AS {MONEY})) AS consumed_quantity,
    count(ResourceId) AS with_resource,
    CAST(min(ChargePeriodStart) AS date) AS first_charge_date,
    CAST(max(ChargePeriodStart) AS date) AS last_charge_date,
    count(DISTINCT BillingCurrency) AS currencies,
    min(BillingCurrency) AS currency,
    count_if(ChargePeriodStart IS NULL) AS without_day
FROM {export}
GROUP BY 1
ORDER BY 1
""".strip()


def view(name: str, select: str) -> str:
    """The statement that makes a view mean `select` from now on, in one step."""
    return f"CREATE OR REPLACE VIEW {name} SECURITY INVOKER AS\n{select}"


def all_of(tables: Sequence[str], columns: Sequence[str]) -> str:
    """The rows of several tables."""
    return "\nUNION ALL\n".join(f"SELECT {', '.join(columns)} FROM {table}" for table in tables)


def deliveries(rows: Sequence[DeliveryRow]) -> str:
    """The table `deliveries` as a SELECT of what is known: a view keeps it where no connector keeps small tables."""
    values = [tuple(_text(value) for value in row.model_dump().values()) for row in rows]
    columns = ", ".join(
        f"CAST({name} AS {trino_type(type_)}) AS {name}" for name, type_ in DELIVERIES.items()
    )
    return f"SELECT {columns}\nFROM (VALUES {literals(values)}) AS known({', '.join(DELIVERIES)})"


def _text(value: object) -> Scalar:
    return value if isinstance(value, int | float) else str(value)
