"""Write the SQL that creates tables of local rows in Trino, because only Trino can access its storage.

Nothing is run here.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from focuswatch.engines.values_as_sql_literals import literal

ROWS_A_STATEMENT = 2000
# Trino's default for the maximum length of a statement:
# https://trino.io/docs/current/admin/properties-query-management.html#query-max-length
MOST_CHARACTERS = 1_000_000
TRINO_TYPES = {"TIMESTAMP": "timestamp(6)", "MAP(VARCHAR, VARCHAR)": "map(varchar, varchar)"}


def trino_type(type_: str) -> str:
    """Return the Trino name of a type of focuswatch.bill.schema.columns_of_all_tables."""
    return TRINO_TYPES.get(type_, type_.lower())


def create_statement(name: str, shape: Mapping[str, str]) -> str:
    """Return the statement that creates an empty table."""
    return f"CREATE TABLE {name} ({', '.join(f'{column} {trino_type(of)}' for column, of in shape.items())})"


def insert_statements(name: str, shape: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    """Yield the statements that insert `rows`, whose values are in the order of `shape`.

    The rows of a statement are one JSON text, because Trino takes seconds to plan a VALUES of a thousand rows.
    """
    for some in _portions(_texts(rows)):
        yield f"INSERT INTO {name}\n{_rows(shape, some)}"


def select_rows(shape: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a SELECT of a few rows that needs no table."""
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
    json_columns = ", ".join(f"{column} {_json_type(of)}" for column, of in shape.items())
    cast = ", ".join(f"CAST({column} AS {trino_type(of)}) AS {column}" for column, of in shape.items())
    rows = literal("[" + ",".join(texts) + "]")
    parsed = f"CAST(json_parse({rows}) AS ARRAY(ROW({json_columns})))"
    return f"SELECT {cast}\nFROM UNNEST({parsed}) AS local_rows({columns})"


def _json_type(type_: str) -> str:
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
