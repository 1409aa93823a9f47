"""The statements of a refresh on Trino, in SQL that its Hive, Iceberg and memory connectors accept. Pure text.

The connectors share no atomic change of several rows or files, but all of them replace the text of a view atomically:
https://trino.io/docs/current/sql/create-view.html
So a refresh adds a billing period's rows under a new mark, and a view lists the marks that count. A table for every
period would not work: each table is a query stage wherever the view is read, and Trino allows 150 stages a statement.
https://trino.io/docs/current/admin/properties-query-management.html#query-max-stage-count
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from focuswatch.bill.aws_only_charges import IS_AWS
from focuswatch.bill.refresh.refresh_index import DeliveryRow
from focuswatch.bill.schema.focus_column_expressions import PRICING_COST, PRICING_CURRENCY
from focuswatch.bill.schema.table_columns import DELIVERIES
from focuswatch.engines.local_rows_as_trino_sql import create_statement, trino_type
from focuswatch.engines.sql_values import Scalar, literal, literals
from focuswatch.findings.exchange_rates import USD

# The property that partitions a table:
# https://trino.io/docs/current/connector/hive.html#table-properties
# https://trino.io/docs/current/connector/iceberg.html#table-properties
PARTITIONED = {"hive": "partitioned_by", "iceberg": "partitioning", "delta_lake": "partitioned_by"}
CONNECTOR = "SELECT connector_name FROM system.metadata.catalogs WHERE catalog_name = current_catalog"
# information_schema has names in lower case.
COLUMNS = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema"
# Sums of doubles differ in their last digit from run to run; of decimals they do not.
MONEY = "decimal(38, 9)"


def month_after(period: date) -> date:
    """Return the first day of the next month."""
    return (period + timedelta(days=31)).replace(day=1)


def delivered(export: str, period: date) -> str:
    """Return the rows of the export that are of one billing period."""
    return (
        f"FROM {export}\nWHERE CAST(BillingPeriodStart AS date) >= {literal(period)}"
        f" AND CAST(BillingPeriodStart AS date) < {literal(month_after(period))}"
    )


def facts(export: str) -> str:
    """Return one row for every billing period of the export: whether it changed, and whether it is usable."""
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
    count_if(ChargePeriodStart IS NULL) AS without_day,
    count_if(NOT {IS_AWS}) AS other_charges
FROM {export}
GROUP BY 1
ORDER BY 1
""".strip()


def providers(export: str) -> str:
    """Return the charges of every provider other than AWS, by billing period."""
    return f"""
SELECT
    CAST(date_trunc('month', BillingPeriodStart) AS date) AS billing_period,
    ProviderName AS provider,
    count(*) AS charges
FROM {export}
WHERE NOT {IS_AWS}
GROUP BY 1, 2
ORDER BY 1, 2
""".strip()


def own_rates(export: str) -> str:
    """Return what is billed and the same in US dollars, by billing period; see focuswatch.bill.ingest."""
    billed, dollars = (f"TRY_CAST({column} AS double)" for column in ("EffectiveCost", PRICING_COST))
    return f"""
SELECT
    CAST(date_trunc('month', BillingPeriodStart) AS date) AS billing_period,
    sum({billed}) AS billed,
    sum({dollars}) AS dollars
FROM {export}
WHERE {PRICING_CURRENCY} = {literal(USD)}
    AND {billed} > 0
    AND {dollars} > 0
    AND is_finite({billed})
    AND is_finite({dollars})
GROUP BY 1
""".strip()


def view(name: str, select: str) -> str:
    """Return the statement that replaces a view by `select` in one step."""
    return f"CREATE OR REPLACE VIEW {name} SECURITY INVOKER AS\n{select}"


def parts_of(name: str) -> str:
    """Return the table with the rows of a view under all marks."""
    return f"{name}_parts"


def create_parts(name: str, shape: Mapping[str, str], *, connector: str) -> str:
    """Return the statement that creates this table, partitioned by mark if the connector supports it."""
    partitioned = PARTITIONED.get(connector)
    made = create_statement(parts_of(name), {**shape, "part": "VARCHAR"})
    return f"{made} WITH ({partitioned} = ARRAY['part'])" if partitioned else made


def add_column(table: str, column: str, *, type_: str) -> str:
    """The statement that adds a column, which is NULL in the rows that are there."""
    return f"ALTER TABLE {table} ADD COLUMN {column} {trino_type(type_)}"


def add_part(name: str, shape: Mapping[str, str], select: str, *, part: str) -> str:
    """Return the statement that adds rows under a mark."""
    listed = ", ".join(shape)
    marked = f"SELECT {listed}, {literal(part)} FROM (\n{select}\n) AS made"
    return f"INSERT INTO {parts_of(name)} ({listed}, part)\n{marked}"


def these_parts(name: str, shape: Mapping[str, str], parts: Sequence[str]) -> str:
    """Return the rows under these marks."""
    return f"SELECT {', '.join(shape)}\nFROM {parts_of(name)}\nWHERE part IN ({literals(list(parts))})"


def deliveries(rows: Sequence[DeliveryRow]) -> str:
    """Return a SELECT of the rows of `deliveries`; a view stores it, because not all connectors store small tables."""
    values = [tuple(_text(value) for value in row.model_dump().values()) for row in rows]
    columns = ", ".join(
        f"CAST({name} AS {trino_type(type_)}) AS {name}" for name, type_ in DELIVERIES.items()
    )
    return f"SELECT {columns}\nFROM (VALUES {literals(values)}) AS known({', '.join(DELIVERIES)})"


def _text(value: object) -> Scalar:
    return value if isinstance(value, int | float) else str(value)
