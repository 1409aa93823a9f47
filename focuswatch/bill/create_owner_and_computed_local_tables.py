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
from focuswatch.engines.create_views_when_first_read import ViewsOnDemand
from focuswatch.engines.duckdb_connection_macros_and_tables import create_table
from focuswatch.engines.find_tables_read_by_sql import tables_read_by
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
    every detection reads it; the others are views. With `statements`, only the tables that they read are created.
    """
    tables = computed_tables(catalog, values=values, kept=kept or {})
    needed = tables_read_by("\n".join(statements), tables) if statements else tables.keys()
    _create(connection, {name: sql for name, sql in tables.items() if name in needed})


def create_views_on_demand(
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    *,
    values: dict[str, Value],
    kept: Mapping[str, str],
) -> ViewsOnDemand:
    """Create `completeness` and the views over the `kept` relations as in create_views; return the other views.

    So an error in the refreshed files is raised here, and not by the first statement that reads them.
    """
    tables = computed_tables(catalog, values=values, kept=kept)
    at_once = tables_read_by(" ".join(["completeness", *kept]), tables)
    _create(connection, {name: sql for name, sql in tables.items() if name in at_once})
    on_demand = {name: sql for name, sql in tables.items() if name not in at_once}
    return ViewsOnDemand(connection, on_demand, shared=SHARED_VIEWS)


def _create(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str]) -> None:
    for name, sql in tables.items():
        kind = "TABLE" if name == "completeness" else "VIEW"
        connection.execute(f"CREATE OR REPLACE {kind} {name} AS {sql}")


def computed_tables(catalog: Catalog, *, values: dict[str, Value], kept: Mapping[str, str]) -> dict[str, str]:
    """Return the SQL of each computed table, each after the tables that it reads."""
    return {
        name: f"SELECT * FROM {kept[name]}" if name in kept else catalog.tables[name].render(values)
        for name in COMPUTED_TABLES
    }


def load_owners(connection: duckdb.DuckDBPyConnection, rows: Mapping[str, list[tuple[object, ...]]]) -> None:
    """Create the owner tables from the rows in Owners.tables."""
    for name, shape in OWNERS.items():
        create_table(connection, name, shape, rows[name])
