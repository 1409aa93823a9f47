"""Build the SQL statements of a refresh on Athena. This module does not run them."""

from collections.abc import Iterator, Sequence

from focuswatch.bill.aws_only_views_and_other_provider_warning import IS_AWS
from focuswatch.bill.refresh.athena_and_trino_fold_and_kept_table_queries import (
    FROM_EXPORT,
    folded,
    invoiced,
    kept_table,
)
from focuswatch.bill.schema.columns_of_all_tables import (
    DAILY_CHARGES,
    PRINCIPAL_EXPORT,
)
from focuswatch.bill.schema.glue_tables_and_partition_keys import PERIOD_KEY
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.prepend_tables_as_ctes import with_tables
from focuswatch.engines.values_as_sql_literals import literal, literals
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import USD

# The column that partitions the folder of a period's charges, and its value for AI services.
SERVICES, AI = "services", "ai"
# Files are smaller if the rows of a resource are next to each other: benchmarks/results/athena_bytes.md
SORTED = "\nORDER BY ServiceName, SubAccountId, SkuMeter, RegionId, ResourceId, charge_date"
FROM_PRINCIPAL_EXPORT = "FROM principal_export"
# Athena rejects statements of more than 262,144 bytes: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
MOST_PATH_BYTES = 200_000  # the rest of the statement takes about 10,000 bytes


def charges_of_period(
    catalog: Catalog, *, period: str, paths: Sequence[str] = (), is_sorted: bool = False
) -> str:
    """Return a SELECT of `daily_charges` of a billing period (`2026-05`) from the raw export, with the column SERVICES.

    `paths` are the delivered files if the period's folder also contains others; if empty, all files in the folder are
    read. The paths must fit into one statement; see `portions_of_paths`.
    """
    charges = {"period_charges": folded(catalog, delivered=_delivered(period, paths))}
    columns = ",\n    ".join(DAILY_CHARGES)
    return with_tables(
        f"SELECT\n    {columns},\n    CASE WHEN ai_family IS NULL THEN 'other' ELSE {literal(AI)} END AS {SERVICES}\n"
        f"FROM period_charges{SORTED if is_sorted else ''}",
        charges,
    )


def ai_folder(charges: str) -> str:
    """Return the folder of `ai_charges` in the folder of a period's charges, which SERVICES partitions."""
    return f"{charges}{SERVICES}={AI}/"


def portions_of_paths(paths: Sequence[str]) -> Iterator[list[str]]:
    """Yield the paths in portions that each fit into one statement; one empty portion if there are no paths."""
    portion: list[str] = []
    free = MOST_PATH_BYTES
    for path in paths:
        size = len(f"{literal(path)}, ".encode())
        if portion and size > free:
            yield portion
            portion, free = [], MOST_PATH_BYTES
        portion.append(path)
        free -= size
    yield portion


def principals_of_period(catalog: Catalog, *, period: str, paths: Sequence[str] = ()) -> str:
    """Return a SELECT of `principal_charges` of one billing period from the export with IAM principals.

    `paths` is as in `charges_of_period`.
    """
    delivered = _delivered(period, paths, raw=FROM_PRINCIPAL_EXPORT)
    tables = {"delivered_principals": f"SELECT {', '.join(PRINCIPAL_EXPORT)}\n{delivered}"}
    folding = catalog.tables["principal_charges"].sql
    return with_tables(folding.replace(FROM_PRINCIPAL_EXPORT, "FROM delivered_principals"), tables)


def _delivered(period: str, paths: Sequence[str], *, raw: str = FROM_EXPORT) -> str:
    # Trino's Hive connector also has the column "$path": https://trino.io/docs/435/connector/hive.html#metadata-columns
    of_these = f'\n    AND "$path" IN ({literals(list(paths))})' if paths else ""
    return f"{raw}\nWHERE billing_period = {literal(period)}{of_these}"


def charges_as_delivered(period: str, *, paths: Sequence[str] = ()) -> str:
    """Return a SELECT of the delivered charges of one billing period (`2026-05`), with InvoiceId.

    `paths` is as in `charges_of_period`.
    """
    return invoiced(_delivered(period, paths), has_invoices=True)


def rate_of_period(period: str, *, paths: Sequence[str] = ()) -> str:
    """Return a SELECT of one row: the EffectiveCost of charges that are priced in US dollars, and the same in dollars.

    It reads three columns of the raw export, and runs only for bills in another currency.
    """
    return f"""
SELECT
    coalesce(sum(EffectiveCost), 0) AS billed,
    coalesce(sum(PricingCurrencyEffectiveCost), 0) AS dollars
{_delivered(period, paths)}
    AND PricingCurrency = {literal(USD)}
    AND EffectiveCost > 0
    AND PricingCurrencyEffectiveCost > 0
""".strip()


def kept_table_of_period(catalog: Catalog, table: str, *, period: str) -> str:
    """Return a SELECT of a kept table of a billing period, from the charges that this refresh has just folded."""
    return kept_table(
        catalog, table, refreshed=f"FROM refreshed_charges\nWHERE {PERIOD_KEY} = {literal(period)}"
    )


def facts_of_period(period: str) -> str:
    """Return a SELECT of one row of facts about the charges that this refresh has just folded for a period."""
    return f"""
SELECT
    coalesce(sum(charges), 0) AS charges,
    coalesce(sum(BilledCost), 0) AS billed_cost,
    min(charge_date) AS first_charge_date,
    max(charge_date) AS last_charge_date,
    count(DISTINCT BillingCurrency) AS currencies,
    min(BillingCurrency) AS currency,
    count_if(charge_date IS NULL) AS without_day,
    coalesce(sum(CASE WHEN NOT {IS_AWS} THEN charges END), 0) AS other_charges
FROM refreshed_charges
WHERE {PERIOD_KEY} = {literal(period)}
""".strip()


def providers_of_period(period: str) -> str:
    """Return a SELECT of the number of charges of each provider other than AWS that this refresh has just folded."""
    return f"""
SELECT
    ProviderName AS provider,
    CAST(sum(charges) AS bigint) AS charges
FROM refreshed_charges
WHERE {PERIOD_KEY} = {literal(period)}
    AND NOT {IS_AWS}
GROUP BY 1
ORDER BY 1
""".strip()
