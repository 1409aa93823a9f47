"""Create the owner tables, `daily_charges` and the tables derived from them on a DuckDB connection.

`folded_charges` and `deliveries` already exist, from an export or a test case. The tables of passed files are created
by load_activity_accounts_and_other_files.
"""

from collections.abc import Collection, Mapping

import duckdb

from focuswatch.bill.schema.columns_of_all_tables import (
    COMPUTED_TABLES,
    OWNERS,
)
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import create_table
from focuswatch.engines.find_tables_read_by_sql import tables_read_by
from focuswatch.engines.materialize_shared_views import SharedViews
from focuswatch.engines.values_as_sql_literals import Value

# Views of owners and callers that several detections read. Their results are small compared with the charges that they
# are computed from.
SHARED_VIEWS = (
    "tag_values",
    "tag_teams",
    "account_teams",
    "principal_days",
    "callers_not_evaluated",
    "owned_days",
)


def create_views(
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    *,
    values: dict[str, Value],
    kept: Mapping[str, str] | None = None,
    statements: Collection[str] = (),
) -> None:
    """Create every table of the catalog over `folded_charges`, as of `values["as_of"]`.

    `kept` maps a table to a relation that already contains its rows. `completeness` is a table, because it is small and
    every detection reads it; the others are views. With `statements`, only the tables that they read are created:
    DuckDB binds each view when it is created, which takes longer than a small statement over the view.
    """
    everything = {name: catalog.tables[name].sql for name in COMPUTED_TABLES}
    needed = tables_read_by("\n".join(statements), everything) if statements else everything.keys()
    for name in (one for one in COMPUTED_TABLES if one in needed):
        kind = "TABLE" if name == "completeness" else "VIEW"
        statement = catalog.tables[name].render(values)
        if kept and name in kept:
            statement = f"SELECT * FROM {kept[name]}"
        connection.execute(f"CREATE OR REPLACE {kind} {name} AS {statement}")


def shared_views(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> SharedViews:
    """Return the views that several detections read, and that take longer to compute than the detections."""
    return SharedViews(
        connection, {name: catalog.tables[name].sql for name in COMPUTED_TABLES}, shared=SHARED_VIEWS
    )


def load_owners(connection: duckdb.DuckDBPyConnection, rows: Mapping[str, list[tuple[object, ...]]]) -> None:
    """Create the owner tables from the rows in Owners.tables."""
    for name, shape in OWNERS.items():
        create_table(connection, name, shape, rows[name])
