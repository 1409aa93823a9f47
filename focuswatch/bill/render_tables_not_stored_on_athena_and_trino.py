"""Render the tables that are not stored on Athena and Trino, because they are small or depend on `as_of`.

Statements that read these tables (NOT_STORED) contain them as common table expressions.
"""

from focuswatch.bill.schema.columns_of_all_tables import COMPUTED_TABLES, KEPT_TABLES
from focuswatch.bill.settling_days import AWS_DAYS
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.values_as_sql_literals import Value

NOT_STORED = tuple(name for name in COMPUTED_TABLES if name not in ("daily_charges", *KEPT_TABLES))


def tables_as_of(
    catalog: Catalog, *, as_of: Value, names_resources: bool = True, settled_after: int = AWS_DAYS
) -> dict[str, str]:
    """Return the SELECTs of the tables that are not stored; `names_resources` is Owners.names_resources.

    Charges no longer change `settled_after` days after their charge date.
    """
    values: dict[str, Value] = {
        "as_of": as_of,
        "names_resources": names_resources,
        "settle_days": settled_after,
    }
    return {name: catalog.tables[name].render(values) for name in NOT_STORED}
