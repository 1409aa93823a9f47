"""Rows of this machine as the text of a statement, for a Trino whose storage only it can access. Pure text."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from focuswatch.engines.sql_values import literal

ROWS_A_STATEMENT = 2000
# Longest text of a statement that a Trino takes unless it is told otherwise:
# https://trino.io/docs/current/admin/properties-query-management.html#query-max-length
MOST_CHARACTERS = 1_000_000
TRINO_TYPES = {"TIMESTAMP": "timestamp(6)", "MAP(VARCHAR, VARCHAR)": "map(varchar, varchar)"}


def trino_type(type_: str) -> str:
    """Return a type of focuswatch.bill.schema.table_columns in Trino's words."""
    return TRINO_TYPES.get(type_, type_.lower())


def create_statement(name: str, shape: Mapping[str, str]) -> str:
    """Return the statement that makes an empty table."""
    return f"CREATE TABLE {name} ({', '.join(f'{column} {trino_type(of)}' for column, of in shape.items())})"


def insert_statements(name: str, shape: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    """Statements that insert `rows`, in the order of `shape`.

    The rows travel as one JSON text: a VALUES of a thousand rows takes Trino seconds to plan.
    """
    for some in _portions(_texts(rows)):
        yield f"INSERT INTO {name}\n{_rows(shape, some)}"


def select_rows(shape: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a SELECT of a few rows, where no table is wanted."""
    return _rows(shape, list(_texts(rows)))


def _texts(rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    return (json.dumps([_plain(value) for value in row], ensure_ascii=False) for row in rows)


def _portions(texts: Iterator[str]) -> Iterator[list[str]]:
    some: list[str] = []
    length = 0
    for text in texts:
        if some and (len(some) == ROWS_A_STATEMENT or length + len(text) > MOST_CHARACTERS // 2):
            yield some
            some, length = [], 0
        some.append(text)
        length += len(text) + text.count("'") + 2
    if some:
        yield some


def _rows(shape: Mapping[str, str], texts: list[str]) -> str:
    columns = ", ".join(shape)
    told = ", ".join(f"{column} {_told_as(of)}" for column, of in shape.items())
    cast = ", ".join(f"CAST({column} AS {trino_type(of)}) AS {column}" for column, of in shape.items())
    rows = literal("[" + ",".join(texts) + "]")
    return (
        f"SELECT {cast}\nFROM UNNEST(CAST(json_parse({rows}) AS ARRAY(ROW({told})))) AS given_rows({columns})"
    )


def _told_as(type_: str) -> str:
    return "varchar" if type_ in ("DATE", "TIMESTAMP") else trino_type(type_)


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat(sep=" ")
        case date():
            return value.isoformat()
        case Decimal():
            return float(value)
    return value
