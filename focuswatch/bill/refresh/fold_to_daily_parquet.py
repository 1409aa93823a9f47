"""Fold hourly or CSV files into daily Parquet files.

Files are folded piece by piece, so that memory depends on the size of a piece, not of the export. The pieces are
independent of each other, because a key may have several rows per day.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from focuswatch.bill.ingest.detect_focus_columns_or_reject_file import Shape
from focuswatch.bill.ingest.export_file_and_listing_models import ExportFile
from focuswatch.bill.ingest.select_from_files import finishing_expressions, select_focus_export
from focuswatch.bill.ingest.translate_duckdb_errors import export_error
from focuswatch.bill.refresh.views_over_refreshed_files import daily_select
from focuswatch.catalog.sql_catalog import ROOT
from focuswatch.engines.duckdb_connection_macros_and_tables import file_list
from focuswatch.engines.values_as_sql_literals import literal
from focuswatch.errors import CatalogError

TAGS_IN_KEY = "\n    Tags,\n"
PIECE_ROWS = 4_000_000  # 2 GB of memory if every row has a different key
BYTES_A_ROW = {"csv": 400, "csv.gz": 40}  # low estimates; text files do not state their number of rows


@dataclass(frozen=True)
class Piece:
    """The input of one folding statement: files of one shape, or a range of rows of a large file."""

    shape: Shape
    files: tuple[ExportFile, ...]
    rows: tuple[int, int] | None = None  # [first, end)


def folding_sql() -> str:
    """Return the statement that folds `focus_export`, which is the same for every engine."""
    return (ROOT / "tables" / "folded_charges.sql").read_text(encoding="utf-8")


def fold(
    parts: Mapping[Shape, Sequence[ExportFile]],
    *,
    hourly: bool,
    connection: duckdb.DuckDBPyConnection,
    into: Path,
) -> None:
    """Write the charges of all parts by day, as Parquet files in the folder `into`.

    Hourly charges are summed by day; daily charges are only converted to Parquet.
    """
    pieces = [
        piece for shape, files in parts.items() for piece in _pieces(shape, files, connection=connection)
    ]
    for number, piece in enumerate(pieces, start=1):
        target = literal(str(into / f"part-{number:05d}.parquet"))
        try:
            statement = _folded(piece, connection=connection) if hourly else daily_select(_read(piece))
            connection.execute(f"COPY ({statement}) TO {target} (FORMAT parquet)")
        except duckdb.Error as error:
            raise export_error(error, files=[file.path for file in piece.files]) from error


def _read(piece: Piece, *, finished: bool = True) -> str:
    return select_focus_export(
        piece.shape, [str(file.path) for file in piece.files], finished=finished, rows=piece.rows
    )


def _folded(piece: Piece, *, connection: duckdb.DuckDBPyConnection) -> str:
    """Return the folding statement over a piece, grouped by a hash of Tags, which takes DuckDB a fifth less time.

    Different Tags are merged only if their 64-bit hashes collide and all other key columns are equal.
    """
    connection.execute(f"CREATE OR REPLACE TEMP VIEW focus_export AS {_read(piece, finished=False)}")
    statement = folding_sql()
    if statement.count(TAGS_IN_KEY) != 1:
        raise CatalogError(
            "folded_charges.sql: expected Tags on a separate line, as the last GROUP BY column"
        )
    hashed = statement.replace(TAGS_IN_KEY, "\n    hash(Tags) AS tags_hash,\n    any_value(Tags) AS Tags,\n")
    return f"SELECT * EXCLUDE (tags_hash) REPLACE ({finishing_expressions(piece.shape)}) FROM ({hashed})"


def _pieces(
    shape: Shape, files: Sequence[ExportFile], *, connection: duckdb.DuckDBPyConnection
) -> Iterator[Piece]:
    """Yield small files together, up to PIECE_ROWS rows, and a large Parquet file by ranges of row groups."""
    small: list[ExportFile] = []
    together = 0
    for file, rows in _rows(shape, files, connection=connection).items():
        if rows > PIECE_ROWS and shape.format == "parquet":
            yield from (Piece(shape, (file,), rows=found) for found in _ranges(file, connection=connection))
            continue
        if small and together + rows > PIECE_ROWS:
            yield Piece(shape, tuple(small))
            small, together = [], 0
        small.append(file)
        together += rows
    if small:
        yield Piece(shape, tuple(small))


def _rows(
    shape: Shape, files: Sequence[ExportFile], *, connection: duckdb.DuckDBPyConnection
) -> dict[ExportFile, int]:
    """Return the number of rows of every file; an estimate for text files."""
    if shape.format != "parquet":
        return {file: file.size // BYTES_A_ROW[shape.format] for file in files}
    listed = file_list(str(file.path) for file in files)
    counts = connection.execute(f"SELECT file_name, num_rows FROM parquet_file_metadata({listed})").fetchall()
    rows = dict(counts)
    return {file: rows[str(file.path)] for file in files}


def _ranges(file: ExportFile, *, connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, int]]:
    """Yield ranges [first, end) of about PIECE_ROWS rows, split only between row groups."""
    groups = connection.execute(
        f"SELECT row_group_num_rows FROM parquet_metadata({file_list([str(file.path)])}) "
        "WHERE column_id = 0 ORDER BY row_group_id"
    ).fetchall()
    first = end = 0
    for (rows,) in groups:
        if end > first and end + rows - first > PIECE_ROWS:
            yield first, end
            first = end
        end += rows
    yield first, end
