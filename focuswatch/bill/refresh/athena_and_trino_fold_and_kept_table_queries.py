"""Build the SQL that folds delivered charges into daily charges and kept tables on Athena and Trino."""

import hashlib

from focuswatch.bill.schema.columns_of_all_tables import DAILY_CHARGES, FOLDED_CHARGES, KEPT_TABLES
from focuswatch.bill.schema.focus_columns_and_their_names_in_files import INVOICE, KINDS, TEXTS
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.prepend_tables_as_ctes import with_tables
from focuswatch.engines.skip_or_remove_sql_comments import without_comments
from focuswatch.errors import CatalogError

FROM_EXPORT = "FROM focus_export"
PERIOD_START = "BillingPeriodStart"


def invoiced(delivered: str, *, has_invoices: bool, period_start: str = PERIOD_START) -> str:
    """Return a SELECT over `delivered`, a FROM with its WHERE, with InvoiceId; null if the export lacks it.

    `period_start` is the SQL of BillingPeriodStart.
    """
    columns = _columns(period_start)
    return f"SELECT\n    {columns},\n    {_finished(INVOICE, is_there=has_invoices)}\n{delivered}"


def _columns(period_start: str) -> str:
    values = {
        PERIOD_START: period_start if period_start == PERIOD_START else f"{period_start} AS {PERIOD_START}"
    }
    return ",\n    ".join(_finished(name) if name in TEXTS else values.get(name, name) for name in KINDS)


def _finished(name: str, *, is_there: bool = True) -> str:
    return f"nullif({name}, '') AS {name}" if is_there else f"CAST(NULL AS varchar) AS {name}"


def folded(catalog: Catalog, *, delivered: str, period_start: str = PERIOD_START) -> str:
    """Return a SELECT of `daily_charges` over `delivered`, a FROM with its WHERE, which is read once.

    `period_start` is the SQL of BillingPeriodStart.
    """
    folding = catalog.tables["folded_charges"].sql
    if folding.count(FROM_EXPORT) != 1:
        raise CatalogError(
            f"folded_charges.sql: expected `{FROM_EXPORT}` exactly once; "
            f"occurrences found: {folding.count(FROM_EXPORT)}"
        )
    tables = {
        "delivered_charges": f"SELECT\n    {_columns(period_start)}\n{delivered}",
        "folded_charges": folding.replace(FROM_EXPORT, "FROM delivered_charges"),
    }
    return with_tables(catalog.tables["daily_charges"].sql, tables)


def kept_table(catalog: Catalog, table: str, *, refreshed: str) -> str:
    """Return a SELECT of a kept table over `refreshed`, a FROM with its WHERE that gives rows of `daily_charges`."""
    if table not in KEPT_TABLES:
        raise CatalogError(
            f"{table} is not stored by billing period; expected one of {', '.join(KEPT_TABLES)}"
        )
    tables = {
        "folded_charges": f"SELECT {', '.join(FOLDED_CHARGES)}\n{refreshed}",
        "daily_charges": f"SELECT {', '.join(DAILY_CHARGES)}\n{refreshed}",
    }
    return with_tables(catalog.tables[table].sql, tables)


def digest_of_folding(catalog: Catalog, *, version: str) -> str:
    """Return a digest of the SQL of the stored tables and of `version`, which changes with the code around the SQL.

    Comments and line breaks do not count: a change of them must not cause all periods to be folded again.
    """
    tables = ("folded_charges", "daily_charges", *KEPT_TABLES)
    statements = (" ".join(without_comments(catalog.tables[name].sql).split()) for name in tables)
    return hashlib.sha256("\n".join((version, *statements)).encode()).hexdigest()
