"""The statements of a refresh on Athena. Pure text."""

from collections.abc import Iterator, Sequence

from focuswatch.bill.aws_only_charges import IS_AWS
from focuswatch.bill.refresh.fold_statements import RAW, folded, invoiced, kept_table
from focuswatch.bill.schema.glue_columns import PERIOD_KEY
from focuswatch.bill.schema.table_columns import (
    DAILY_CHARGES,
    PRINCIPAL_EXPORT,
)
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.prepend_tables_as_ctes import with_tables
from focuswatch.engines.sql_values import literal, literals
from focuswatch.findings.exchange_rates import USD

SERVICES, AI = (
    "services",
    "ai",
)  # the column by which charges are written to folders, and its value for AI services
# The rows of a resource lie together, so that files are smaller: benchmarks/results/athena_bytes.md
SORTED = "\nORDER BY ServiceName, SubAccountId, SkuMeter, RegionId, ResourceId, charge_date"
RAW_PRINCIPALS = "FROM principal_export"
# Athena refuses a statement of more than 262,144 bytes: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
MOST_PATH_BYTES = 200_000  # the rest of the statement has some 10,000


def charges_of_period(
    catalog: Catalog, *, period: str, paths: Sequence[str] = (), is_sorted: bool = False
) -> str:
    """`daily_charges` of one billing period (`2026-05`) from the raw export, read once, with the column SERVICES.

    `paths` are the delivered files that count, where others lie beside them; none: all of the period's folder. They fit
    into one statement: see `portions`.
    """
    charges = {"period_charges": folded(catalog, delivered=_delivered(period, paths))}
    columns = ",\n    ".join(DAILY_CHARGES)
    return with_tables(
        f"SELECT\n    {columns},\n    CASE WHEN ai_family IS NULL THEN 'other' ELSE {literal(AI)} END AS {SERVICES}\n"
        f"FROM period_charges{SORTED if is_sorted else ''}",
        charges,
    )


def ai_folder(charges: str) -> str:
    """Return the folder of `ai_charges` in the folder of a period's charges, which were written by SERVICES."""
    return f"{charges}{SERVICES}={AI}/"


def portions(paths: Sequence[str]) -> Iterator[list[str]]:
    """Yield the paths in portions of which each fits into one statement; one empty portion if there are none."""
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
    """Return `principal_charges` of one billing period from the export with IAM principals; `paths` as above."""
    delivered = _delivered(period, paths, raw=RAW_PRINCIPALS)
    tables = {"delivered_principals": f"SELECT {', '.join(PRINCIPAL_EXPORT)}\n{delivered}"}
    folding = catalog.tables["principal_charges"].sql
    return with_tables(folding.replace(RAW_PRINCIPALS, "FROM delivered_principals"), tables)


def _delivered(period: str, paths: Sequence[str], *, raw: str = RAW) -> str:
    # "$path" is Trino's Hive connector's too: https://trino.io/docs/435/connector/hive.html#metadata-columns
    of_these = f'\n    AND "$path" IN ({literals(list(paths))})' if paths else ""
    return f"{raw}\nWHERE billing_period = {literal(period)}{of_these}"


def charges_as_delivered(period: str) -> str:
    """Return the charges of one billing period (`2026-05`) as Athena has them, with InvoiceId."""
    return invoiced(_delivered(period, ()), has_invoices=True)


def rate_of_period(period: str, *, paths: Sequence[str] = ()) -> str:
    """Return one row: what is billed in the period and the same in US dollars, where the export prices in them.

    It reads three columns of the raw export, and is run for bills in another currency alone.
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
    """Return one of the kept tables of a billing period, from the charges that this refresh has just folded."""
    return kept_table(
        catalog, table, refreshed=f"FROM refreshed_charges\nWHERE {PERIOD_KEY} = {literal(period)}"
    )


def facts_of_period(period: str) -> str:
    """Return one row about what a refresh has just folded: charges, money, days, currencies, what cannot be used."""
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
    """Return the charges of every provider other than AWS in what a refresh has just folded."""
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
