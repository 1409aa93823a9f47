"""Build the SQL statements of a refresh on Trino, which its Hive, Iceberg and memory connectors accept.

Not all connectors can change several rows or files atomically, but all can replace a view atomically:
https://trino.io/docs/current/sql/create-view.html
A refresh therefore adds a billing period's rows with a new mark in the column `part`, and a view lists the current
marks. A table for every period would not work: each table adds a query stage to every statement that reads the view,
and Trino allows 150 stages per statement.
https://trino.io/docs/current/admin/properties-query-management.html#query-max-stage-count
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta

from focuswatch.bill.aws_only_views_and_other_provider_warning import IS_AWS
from focuswatch.bill.refresh.local_refresh_index_in_state_folder import DeliveryRow
from focuswatch.bill.schema.columns_of_all_tables import DELIVERIES
from focuswatch.bill.schema.focus_columns_and_their_names_in_files import (
    FARTHEST_EAST_HOURS,
    PRICING_COST,
    PRICING_CURRENCY,
)
from focuswatch.engines.trino_create_and_insert_sql import create_statement, trino_type
from focuswatch.engines.values_as_sql_literals import Scalar, literal, literals
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import USD

# The table property that partitions a table, by connector:
# https://trino.io/docs/current/connector/hive.html#table-properties
# https://trino.io/docs/current/connector/iceberg.html#table-properties
PARTITIONED = {"hive": "partitioned_by", "iceberg": "partitioning", "delta_lake": "partitioned_by"}
CONNECTOR = "SELECT connector_name FROM system.metadata.catalogs WHERE catalog_name = current_catalog"
# Names in information_schema are in lower case.
COLUMNS = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema"
# The last digit of a sum of doubles can differ from run to run; that of a sum of decimals cannot.
MONEY = "decimal(38, 9)"
TIMESTAMP = trino_type("TIMESTAMP")
# The first day of the billing period, which starts at midnight in the provider's time zone: see FARTHEST_EAST_HOURS.
PERIOD_START = (
    f"date_trunc('month', CAST(BillingPeriodStart AS {TIMESTAMP}) + INTERVAL '{FARTHEST_EAST_HOURS}' HOUR)"
)


def month_after(period: date) -> date:
    """Return the first day of the next month."""
    return (period + timedelta(days=31)).replace(day=1)


def delivered(export: str, period: date) -> str:
    """Return a FROM with its WHERE that selects one billing period of the export.

    The range is stated for the column itself, so that Trino reads only the files of the period: as timestamps, which
    are exact, and as dates, by which Trino skips files even if the column has a time zone.
    """
    first, end = (
        f"TIMESTAMP '{datetime.combine(day, time()) - timedelta(hours=FARTHEST_EAST_HOURS)}'"
        for day in (period, month_after(period))
    )
    start = f"CAST(BillingPeriodStart AS {TIMESTAMP})"
    day = "CAST(BillingPeriodStart AS date)"
    days = f"{day} >= {literal(period - timedelta(days=1))} AND {day} < {literal(month_after(period))}"
    return f"FROM {export}\nWHERE {start} >= {first} AND {start} < {end} AND {days}"


def facts(export: str) -> str:
    """Return a SELECT of facts by billing period, which show whether a period changed and whether it is usable."""
    return f"""
SELECT
    CAST({PERIOD_START} AS date) AS billing_period,
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
    """Return a SELECT of the number of charges of each provider other than AWS, by billing period."""
    return f"""
SELECT
    CAST({PERIOD_START} AS date) AS billing_period,
    ProviderName AS provider,
    count(*) AS charges
FROM {export}
WHERE NOT {IS_AWS}
GROUP BY 1, 2
ORDER BY 1, 2
""".strip()


def own_rates(export: str) -> str:
    """Return a SELECT of the EffectiveCost, and the same in US dollars, by billing period.

    See focuswatch.bill.ingest.exchange_rates_from_costs.
    """
    billed, dollars = (f"TRY_CAST({column} AS double)" for column in ("EffectiveCost", PRICING_COST))
    return f"""
SELECT
    CAST({PERIOD_START} AS date) AS billing_period,
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
    """Return the statement that creates or replaces a view in one step."""
    return f"CREATE OR REPLACE VIEW {name} SECURITY INVOKER AS\n{select}"


def parts_of(name: str) -> str:
    """Return the table that contains the rows of a view with all marks."""
    return f"{name}_parts"


def create_parts(name: str, shape: Mapping[str, str], *, connector: str) -> str:
    """Return the statement that creates the table of `parts_of`, partitioned by mark if the connector supports it."""
    partitioned = PARTITIONED.get(connector)
    made = create_statement(parts_of(name), {**shape, "part": "VARCHAR"})
    return f"{made} WITH ({partitioned} = ARRAY['part'])" if partitioned else made


def add_column(table: str, column: str, *, type_: str) -> str:
    """Return the statement that adds a column, which is null in existing rows."""
    return f"ALTER TABLE {table} ADD COLUMN {column} {trino_type(type_)}"


def add_part(name: str, shape: Mapping[str, str], select: str, *, part: str) -> str:
    """Return the statement that adds rows with a mark."""
    listed = ", ".join(shape)
    marked = f"SELECT {listed}, {literal(part)} FROM (\n{select}\n) AS made"
    return f"INSERT INTO {parts_of(name)} ({listed}, part)\n{marked}"


def these_parts(name: str, shape: Mapping[str, str], parts: Sequence[str]) -> str:
    """Return a SELECT of the rows with these marks."""
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
