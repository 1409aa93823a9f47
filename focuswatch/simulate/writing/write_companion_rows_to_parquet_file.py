"""Write rows to a Parquet file."""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

from focuswatch.engines.values_as_sql_literals import literal


def write_rows(rows: Iterable[dict[str, Any]], path: Path, *, columns: dict[str, str]) -> None:
    """Write a Parquet file with these columns."""
    with tempfile.TemporaryDirectory() as scratch:
        text = Path(scratch) / "rows.json"
        with text.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        with duckdb.connect() as connection:
            source = f"read_json({literal(str(text))}, format='newline_delimited', columns={columns})"
            connection.execute(f"COPY (FROM {source}) TO {literal(str(path))} (FORMAT parquet)")
