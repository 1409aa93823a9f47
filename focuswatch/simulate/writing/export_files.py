"""Write an export as AWS Data Exports delivers it: data files by billing period, each with its manifest."""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import duckdb

from focuswatch.engines.fill_placeholders_with_literals import render
from focuswatch.engines.values_as_sql_literals import Value, literal
from focuswatch.simulate.bill_calendar import Calendar, next_month
from focuswatch.simulate.organization import COMPANY, SimulatedAccount
from focuswatch.simulate.planned_charge_line import Line
from focuswatch.simulate.writing.charge_rows_sql import as_csv, charges
from focuswatch.simulate.writing.focus_1_2_columns import COLUMNS, manifest_type
from focuswatch.simulate.writing.load_charge_lines_with_focus_columns import day_number, load

EXPORT_NAME = "focus"
BUCKET = f"{COMPANY.lower()}-billing-exports"
PREFIX = "exports"
FILE_ROWS = 1_500_000
MEMORY = "2GB"
ENDINGS = {"parquet": ".snappy.parquet", "csv": ".csv.gz"}
COPY_OPTIONS = {
    "parquet": "FORMAT parquet, COMPRESSION snappy",
    "csv": "FORMAT csv, HEADER, COMPRESSION gzip",
}
Grain = Literal["daily", "hourly"]
FileFormat = Literal["parquet", "csv"]
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class ExportFiles:
    """`folder` holds `data/` and `metadata/`; `rows` is the number of charges in all `files`."""

    folder: Path
    files: tuple[Path, ...]
    rows: int


@dataclass(frozen=True)
class SimulatedBill:
    """The lines of a bill and the options of its export."""

    lines: Sequence[Line]
    calendar: Calendar
    payer: SimulatedAccount
    seed: int
    grain: Grain
    file_format: FileFormat


def write_export(bill: SimulatedBill, folder: Path, *, progress: Progress | None = None) -> ExportFiles:
    """Write every billing period of the bill.

    Each file contains all days of some resources in one billing period. The order of its rows is undefined.
    """
    files: list[Path] = []
    rows = 0
    months = bill.calendar.months()
    with tempfile.TemporaryDirectory() as scratch, _connection(scratch) as connection:
        load(connection, bill.lines, payer=bill.payer, scratch=Path(scratch))
        for number, month in enumerate(months):
            if progress:
                progress(f"writing {month:%Y-%m}", number / len(months))
            written, count = _write_period(connection, bill, month, folder)
            _write_manifest(bill, month, folder, written)
            files += written
            rows += count
    return ExportFiles(folder=folder, files=tuple(files), rows=rows)


def _connection(scratch: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '{MEMORY}'; SET temp_directory = {literal(scratch)}")
    connection.execute("SET preserve_insertion_order = false")  # lets DuckDB stream rows on all cores
    return connection


def _write_period(
    connection: duckdb.DuckDBPyConnection, bill: SimulatedBill, month: date, folder: Path
) -> tuple[list[Path], int]:
    partition = folder / "data" / f"billing_period={month:%Y-%m}"
    partition.mkdir(parents=True)
    select, values = charges(hourly=bill.grain == "hourly"), _values(bill, month)
    files: list[Path] = []
    rows = 0
    for number, (from_line, to_line) in enumerate(_slices(bill), start=1):
        path = partition / f"{EXPORT_NAME}-{number:05d}{ENDINGS[bill.file_format]}"
        sql = render(select, values | {"from_line": from_line, "to_line": to_line})
        sql = as_csv(sql) if bill.file_format == "csv" else sql
        copied = connection.execute(
            f"COPY ({sql}) TO {literal(str(path))} ({COPY_OPTIONS[bill.file_format]})"
        ).fetchone()
        files.append(path)
        rows += copied[0] if copied else 0
    return files, rows


def _slices(bill: SimulatedBill) -> list[tuple[int, int]]:
    """Return ranges of resources, each with about FILE_ROWS rows per month."""
    resources = sum(line.copies for line in bill.lines)
    size = FILE_ROWS // (30 * 24 if bill.grain == "hourly" else 30)
    count = max(1, round(resources / size))
    bounds = [resources * number // count for number in range(count + 1)]
    return list(zip(bounds, bounds[1:], strict=False))


def _values(bill: SimulatedBill, month: date) -> dict[str, Value]:
    calendar, following = bill.calendar, next_month(month)
    before = (month - timedelta(days=1)).replace(day=1)
    return {
        "seed": bill.seed,
        "from_day": day_number(max(month, calendar.first)),
        "to_day": day_number(min(following, calendar.as_of)),
        "before_from_day": day_number(max(before, calendar.first)),
        "before_to_day": day_number(month),
        "as_of_day": day_number(calendar.as_of),
        "middle_day": day_number(calendar.first) + calendar.days / 2,
        "period_start": month,
        "period_end": following,
        "invoice_id": f"{month:%Y%m}{bill.payer.id[:6]}" if following < calendar.as_of else None,
    }


def _write_manifest(bill: SimulatedBill, month: date, folder: Path, files: Sequence[Path]) -> None:
    partition = folder / "metadata" / f"billing_period={month:%Y-%m}"
    partition.mkdir(parents=True)
    manifest = {
        "executionId": f"{bill.seed:08x}-{month:%Y}-4{month:%m}0-8000-{bill.payer.id}",
        "exportArn": f"arn:aws:bcm-data-exports:us-east-1:{bill.payer.id}:export/{EXPORT_NAME}",
        "columns": [{"name": column, "type": manifest_type(column)} for column in COLUMNS],
        "dataFiles": [
            f"s3://{BUCKET}/{PREFIX}/{EXPORT_NAME}/{file.relative_to(folder).as_posix()}" for file in files
        ],
        "additionalOutputFiles": [],
    }
    path = partition / f"{EXPORT_NAME}-Manifest.json"
    path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
