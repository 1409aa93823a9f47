"""Build the SQL that folds delivered charges into daily charges and kept tables on Athena and Trino."""

from focuswatch.bill.schema.focus_column_expressions import INVOICE, KINDS, TEXTS
from focuswatch.bill.schema.table_columns import DAILY_CHARGES, FOLDED_CHARGES, KEPT_TABLES
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.prepend_tables_as_ctes import with_tables
from focuswatch.errors import CatalogError

RAW = "FROM focus_export"


def invoiced(delivered: str, *, has_invoices: bool) -> str:
    """Return a SELECT over `delivered`, a FROM with its WHERE, with InvoiceId; null if the export lacks it."""
    return f"SELECT\n    {_columns()},\n    {_finished(INVOICE, is_there=has_invoices)}\n{delivered}"


def _columns() -> str:
    return ",\n    ".join(_finished(name) if name in TEXTS else name for name in KINDS)


def _finished(name: str, *, is_there: bool = True) -> str:
    return f"nullif({name}, '') AS {name}" if is_there else f"CAST(NULL AS varchar) AS {name}"


def folded(catalog: Catalog, *, delivered: str) -> str:
    """Return a SELECT of `daily_charges` over `delivered`, a FROM with its WHERE, which is read once."""
    folding = catalog.tables["folded_charges"].sql
    if folding.count(RAW) != 1:
        raise CatalogError(
            f"folded_charges.sql: expected `{RAW}` exactly once; occurrences found: {folding.count(RAW)}"
        )
    tables = {
        "delivered_charges": f"SELECT\n    {_columns()}\n{delivered}",
        "folded_charges": folding.replace(RAW, "FROM delivered_charges"),
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
