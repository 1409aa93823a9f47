"""Copy the files passed with a bill, the owners and the known findings to Trino for the duration of a scan."""

from collections.abc import Mapping, Sequence

from focuswatch.bill import load_activity_accounts_and_other_files
from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.bill_protocol import KNOWN_FINDINGS_TABLE
from focuswatch.bill.schema.columns_of_all_tables import (
    KNOWN_FINDINGS,
    OWNERS,
)
from focuswatch.bill.trino_temporary_tables import TemporaryTables
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.trino_create_and_insert_sql import (
    select_rows,
    trino_type,
)
from focuswatch.owners.owners_file import Owners


def rows_of_files(inputs: BillInputs, *, catalog: Catalog) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of the passed files by table; empty if no file is passed."""
    connection = connect()
    try:
        load_activity_accounts_and_other_files.load_files(connection, inputs, catalog=catalog)
        return {
            name: connection.execute(f"SELECT {', '.join(shape)} FROM {name}").fetchall()
            for name, shape in load_activity_accounts_and_other_files.FILE_TABLES.items()
        }
    finally:
        connection.close()


def input_tables(
    rows: Mapping[str, list[tuple[object, ...]]],
    existing: set[str],
    *,
    temporary: TemporaryTables,
    owners: Owners,
) -> dict[str, str]:
    """Return SELECTs of the tables of files, owners and findings, by name."""
    tables = {}
    for name, shape in load_activity_accounts_and_other_files.FILE_TABLES.items():
        if rows[name]:
            tables[name] = temporary.load(name, shape, rows[name])
        elif name not in existing:  # otherwise the existing table in the schema is read
            tables[name] = select_table(shape, ())
    for name, shape in OWNERS.items():
        tables[name] = select_table(shape, owners.tables[name])
    tables[KNOWN_FINDINGS_TABLE] = select_table(KNOWN_FINDINGS, ())
    return tables


def select_table(shape: Mapping[str, str], rows: Sequence[tuple[object, ...]]) -> str:
    if rows:
        return select_rows(shape, rows)
    nulls = ", ".join(f"CAST(NULL AS {trino_type(type_)}) AS {name}" for name, type_ in shape.items())
    return f"SELECT {nulls} WHERE false"
