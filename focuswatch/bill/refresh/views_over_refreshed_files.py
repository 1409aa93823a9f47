"""Build the SQL of the views `folded_charges` and `kept_*` over a refreshed export."""

from collections.abc import Iterable, Sequence

from focuswatch.bill.refresh.currency_conversion import Conversion
from focuswatch.bill.schema.columns_of_all_tables import FOLDED_CHARGES, KEPT_TABLES
from focuswatch.engines.duckdb_connection_macros_and_tables import file_list

# Daily Parquet files are not grouped: a key may have several rows per day, which readers add up.
DAY_COLUMNS = {
    "charge_date": "CAST(ChargePeriodStart AS date)",
    "charge_last_date": (
        "CASE WHEN ChargePeriodEnd > ChargePeriodStart THEN CAST(ChargePeriodEnd - INTERVAL '1' SECOND AS date) "
        "ELSE CAST(ChargePeriodStart AS date) END"
    ),
    "billing_period": "CAST(date_trunc('month', BillingPeriodStart) AS date)",
    "charges": "CAST(1 AS bigint)",
}

# The views of a refreshed export, with their columns.
EXPORT_VIEWS = {"folded_charges": FOLDED_CHARGES} | {
    f"kept_{name}": shape for name, shape in KEPT_TABLES.items()
}
NO_CHARGES = f"SELECT {', '.join(f'CAST(NULL AS {type_}) AS {name}' for name, type_ in FOLDED_CHARGES.items())} LIMIT 0"


def daily_select(relation: str) -> str:
    """Return a SELECT of the columns of folded charges over `relation`, a SELECT of daily rows of `focus_export`."""
    made = (f"{DAY_COLUMNS.get(column, column)} AS {column}" for column in FOLDED_CHARGES)
    return f"SELECT {', '.join(made)} FROM ({relation})"


def folded_select(paths: Iterable[str]) -> str:
    """Return a SELECT of the folded charges in files that `fold` wrote."""
    source = f"read_parquet({file_list(paths)}, hive_partitioning = false)"
    return f"SELECT {', '.join(FOLDED_CHARGES)} FROM {source}"


def folded_view_sql(
    selects: Sequence[str], *, temporary: bool = False, conversion: Conversion | None = None
) -> str:
    """Return the statement that creates the view `folded_charges` from the SELECTs of all units."""
    body = " UNION ALL ".join(f"({select})" for select in selects) or NO_CHARGES
    kind = "TEMP VIEW" if temporary else "VIEW"
    select = f"SELECT {', '.join(FOLDED_CHARGES)} FROM ({body})"
    converted = conversion.select(select, FOLDED_CHARGES) if conversion else select
    return f"CREATE OR REPLACE {kind} folded_charges AS {converted}"


def kept_view_sql(table: str, paths: Iterable[str], *, conversion: Conversion) -> str:
    """Return the statement that creates the view `kept_<table>` over the files of all units."""
    source = f"read_parquet({file_list(paths)}, hive_partitioning = false)"
    select = conversion.select(f"SELECT * FROM {source}", KEPT_TABLES[table])
    return f"CREATE OR REPLACE VIEW kept_{table} AS {select}"
