"""Trino tables that an earlier version of focuswatch created gain their missing columns. No Trino is needed."""

from typing import Any

import pytest

from focuswatch.bill.refresh.trino_refresh import TrinoTables
from focuswatch.bill.schema.columns_of_all_tables import DAILY_CHARGES, KEPT_TABLES
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import QueryError

CATALOG = Catalog.load()
SHAPES = {
    "daily_charges_parts": DAILY_CHARGES,
    **{f"{name}_parts": columns for name, columns in KEPT_TABLES.items()},
}


class EarlierTables:
    """A Trino with tables of an earlier version that lack a column."""

    def __init__(self, without: str, *, error: str | None = None) -> None:
        self.without, self.error = without, error
        self.statements: list[str] = []

    def query(self, _statement: str, *, label: str) -> list[dict[str, Any]]:
        return [
            {"table_name": table, "column_name": column.lower()}
            for table, columns in SHAPES.items()
            for column in (*columns, "part")
            if column != self.without
        ]

    def execute(self, statement: str, *, label: str) -> None:
        self.statements.append(statement)
        if self.error:
            raise QueryError(self.error)


def test_table_gains_only_its_missing_columns() -> None:
    engine = EarlierTables("is_edge")
    tables = TrinoTables(engine, "memory.raw.focus_export", CATALOG)  # type: ignore[arg-type]
    tables._add_columns(set(SHAPES))
    expected = [table for table, columns in SHAPES.items() if "is_edge" in columns]
    assert engine.statements == [f"ALTER TABLE {table} ADD COLUMN is_edge boolean" for table in expected]


def test_tables_of_this_version_are_unchanged() -> None:
    engine = EarlierTables("")
    TrinoTables(engine, "memory.raw.focus_export", CATALOG)._add_columns(set(SHAPES))  # type: ignore[arg-type]
    assert engine.statements == []


def test_other_errors_of_the_statement_are_raised() -> None:
    """Only for NOT_SUPPORTED does focuswatch ask to drop the table."""
    engine = EarlierTables("is_edge", error="PERMISSION_DENIED: Access Denied")
    tables = TrinoTables(engine, "memory.raw.focus_export", CATALOG)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="PERMISSION_DENIED"):
        tables._add_columns(set(SHAPES))
