"""A small bill: the rows of its tables and the parameters of its queries. Pure, except for reading cases."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from focuswatch.authoring.detection_cases import Case, CaseFile, give, insert
from focuswatch.bill.schema import table_columns
from focuswatch.detect.run_detection import DetectionInput, first_new_day
from focuswatch.engines.duckdb_engine import create_empty_table

INPUT_TABLES = {
    "folded_charges": table_columns.FOLDED_CHARGES,
    "activity": table_columns.ACTIVITY,
    "principal_charges": table_columns.PRINCIPAL_CHARGES,
    "invocation_tokens": table_columns.INVOCATION_TOKENS,
    "token_hours": table_columns.TOKEN_HOURS,
    "accounts": table_columns.ACCOUNTS,
    "account_history": table_columns.ACCOUNT_HISTORY,
    "events": table_columns.EVENTS,
    "ai_links": table_columns.AI_LINKS,
    "deliveries": table_columns.DELIVERIES,
    "known_findings": table_columns.KNOWN_FINDINGS,
    "recommendations": table_columns.RECOMMENDATIONS,
    **table_columns.OWNERS,
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
    """The input of a case."""
    give(connection, case, file=file)
    as_of = case.as_of or file.as_of
    question = DetectionInput(
        as_of=as_of,
        first_new_day=case.news_since or first_new_day(as_of, evaluated_until=None),
        required_tags=tuple(case.required_tags),
    )
    rows = {
        name: connection.execute(f"SELECT {', '.join(shape)} FROM {name} ORDER BY ALL").fetchall()
        for name, shape in INPUT_TABLES.items()
    }
    return Bill(case.name, rows, question)


def put(bill: Bill, *, connection: duckdb.DuckDBPyConnection) -> None:
    """Make the bill's tables on DuckDB, in place of any others."""
    for name, shape in INPUT_TABLES.items():
        create_empty_table(connection, name, shape)
        insert(
            connection, name, shape, [dict(zip(shape, row, strict=True)) for row in bill.rows.get(name, [])]
        )
