"""Define a small bill: the rows of its input tables, and the parameters of the detections that read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables, insert
from focuswatch.bill.schema import columns_of_all_tables
from focuswatch.detect.detection_placeholder_values import DetectionInput, first_new_day
from focuswatch.engines.duckdb_connection_macros_and_tables import create_empty_table

INPUT_TABLES = {
    "folded_charges": columns_of_all_tables.FOLDED_CHARGES,
    "activity": columns_of_all_tables.ACTIVITY,
    "principal_charges": columns_of_all_tables.PRINCIPAL_CHARGES,
    "invocation_tokens": columns_of_all_tables.INVOCATION_TOKENS,
    "token_hours": columns_of_all_tables.TOKEN_HOURS,
    "accounts": columns_of_all_tables.ACCOUNTS,
    "account_history": columns_of_all_tables.ACCOUNT_HISTORY,
    "events": columns_of_all_tables.EVENTS,
    "ai_links": columns_of_all_tables.AI_LINKS,
    "deliveries": columns_of_all_tables.DELIVERIES,
    "known_findings": columns_of_all_tables.KNOWN_FINDINGS,
    "recommendations": columns_of_all_tables.RECOMMENDATIONS,
    **columns_of_all_tables.OWNERS,
}
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Bill:
    """Rows by table in the order of its columns; tables that are left out are empty."""

    name: str
    rows: Mapping[str, Rows]
    question: DetectionInput

    def __len__(self) -> int:
        return sum(map(len, self.rows.values()))


def bill_of(case: Case, *, file: CaseFile, connection: duckdb.DuckDBPyConnection) -> Bill:
    """Return the bill that is the input of a detection's case."""
    create_input_tables(connection, case, file=file)
    as_of = case.as_of or file.as_of
    question = DetectionInput(
        as_of=as_of,
        first_new_day=case.first_new_day or first_new_day(as_of, evaluated_until=None),
        required_tags=tuple(case.required_tags),
    )
    rows = {
        name: connection.execute(f"SELECT {', '.join(shape)} FROM {name} ORDER BY ALL").fetchall()
        for name, shape in INPUT_TABLES.items()
    }
    return Bill(case.name, rows, question)


def load_bill(bill: Bill, *, connection: duckdb.DuckDBPyConnection) -> None:
    """Create the bill's input tables on DuckDB, replacing existing ones."""
    for name, shape in INPUT_TABLES.items():
        create_empty_table(connection, name, shape)
        insert(
            connection, name, shape, [dict(zip(shape, row, strict=True)) for row in bill.rows.get(name, [])]
        )
