"""Determine the shape of data files: their format and the FOCUS columns in them. Reject files that are not FOCUS.

One SELECT reads all files of one shape; see select_from_files.
"""

import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from focuswatch.bill.ingest.detect_format_from_first_bytes import Format, Sniffed, sniff
from focuswatch.bill.ingest.export_file_and_listing_models import ExportFile
from focuswatch.bill.ingest.recognize_non_focus_billing_files import describe_non_focus_format
from focuswatch.bill.ingest.translate_duckdb_errors import export_error
from focuswatch.bill.schema import focus_column_expressions as expressions
from focuswatch.bill.schema import focus_columns_and_their_names_in_files as columns
from focuswatch.bill.schema.focus_columns_and_their_names_in_files import TEXTS
from focuswatch.engines.duckdb_connection_macros_and_tables import file_list
from focuswatch.errors import ExportError

if TYPE_CHECKING:
    import duckdb

SHOWN_COLUMNS = 8


class Shape(BaseModel):
    """The properties shared by files that one SELECT can read."""

    model_config = ConfigDict(frozen=True)

    format: Format
    delimiter: str
    # The file's own column names with their DuckDB types; for CSV, every column in order.
    columns: tuple[tuple[str, str], ...]
    focus_version: str
    has_meters: bool
    billing_period: datetime | None = None  # of all charges, if the Parquet footers show only one
    blank_columns: tuple[str, ...] = TEXTS  # FOCUS columns in which '' or 'NULL' may stand for null

    @property
    def is_native(self) -> bool:
        """Whether the files need no parsing, so that queries can read them directly."""
        return self.format == "parquet" and all(
            expressions.is_native(type_, kind=columns.READ[columns.canonical(name)])
            for name, type_ in self.columns
            if columns.canonical(name) not in (columns.PRICING_CURRENCY, columns.PRICING_COST)
        )

    @property
    def lacks_of_aws(self) -> tuple[str, ...]:
        """The columns that AWS charges require and the files lack."""
        names = {columns.canonical(name) for name, _ in self.columns}
        return tuple(column for column in columns.REQUIRED_OF_AWS if column.lower() not in names)

    @property
    def tags_type(self) -> str:
        """The DuckDB type of Tags in the SELECT of `select_focus_export`; a map if the files have no tags."""
        types = {columns.canonical(name): type_ for name, type_ in self.columns}
        if columns.ALLOCATED_TAGS in types:
            return columns.SQL_TYPES["tags"]
        return types.get("tags", columns.SQL_TYPES["tags"])


class ShapePart(BaseModel):
    """Files of one shape within a unit."""

    model_config = ConfigDict(frozen=True)

    shape: Shape
    files: tuple[str, ...]  # names inside the export


def shapes_of(
    files: Sequence[ExportFile], *, connection: "duckdb.DuckDBPyConnection"
) -> dict[ExportFile, Shape]:
    """Return the shape of each file. Raises ExportError if a file cannot be read as FOCUS data."""
    sniffed = {file: sniff(file.path) for file in files}
    parquet = [file for file, found in sniffed.items() if found.format == "parquet"]
    schemas = _parquet_columns(parquet, connection=connection)
    return {
        file: _parquet_shape(file, schemas[str(file.path)])
        if found.format == "parquet"
        else _csv_shape(file, found)
        for file, found in sniffed.items()
    }


def _parquet_columns(
    files: Sequence[ExportFile], *, connection: "duckdb.DuckDBPyConnection"
) -> dict[str, list[tuple[str, str]]]:
    """Return the top-level columns of Parquet files with DuckDB types, read from the footers in one statement."""
    columns_by_file: dict[str, list[tuple[str, str]]] = {str(file.path): [] for file in files}
    if not files:
        return columns_by_file
    listed = file_list(str(file.path) for file in files)
    import duckdb  # Lambda functions import this module without DuckDB

    try:
        rows = connection.execute(
            f"SELECT file_name, name, duckdb_type, coalesce(num_children, 0) FROM parquet_schema({listed}) "
            "ORDER BY file_name, column_id"
        ).fetchall()
    except duckdb.Error as error:
        raise export_error(error, files=[file.path for file in files]) from error
    for path, nodes in itertools.groupby(rows, key=lambda row: row[0]):
        columns_by_file[path] = _top_level([(name, type_, children) for _, name, type_, children in nodes])
    return columns_by_file


def _top_level(nodes: Sequence[tuple[str, str, int]]) -> list[tuple[str, str]]:
    """Return the top-level columns among a Parquet schema's nodes, which are listed depth first from the root."""
    top_level = []
    below = 0  # remaining nodes inside the last column
    for name, type_, children in nodes[1:]:
        if below:
            below += children - 1
        else:
            top_level.append((name, type_))
            below = children
    return top_level


def _parquet_shape(file: ExportFile, listed: Sequence[tuple[str, str]]) -> Shape:
    """Return a shape with only the columns that are read, sorted, so that other columns do not affect it."""
    names = [name for name, _ in listed]
    own = set(_own_names(file, names).values())
    return _shape(file, "parquet", sorted(item for item in listed if item[0] in own), names=names)


def _csv_shape(file: ExportFile, sniffed: Sniffed) -> Shape:
    """Return a shape with all columns in order; columns that are not read get new names, as headers can repeat."""
    names = [name.strip() for name in sniffed.header]
    unseen = {name: columns.READ[column] for column, name in _own_names(file, names).items()}
    listed = []
    for place, name in enumerate(names):
        kind = unseen.pop(name, None)
        example = sniffed.first_row[place] if place < len(sniffed.first_row) else ""
        listed.append((name, expressions.csv_type(kind, example)) if kind else (f"_{place}", "VARCHAR"))
    return _shape(file, sniffed.format, listed, names=names, delimiter=sniffed.delimiter)


def _own_names(file: ExportFile, names: Sequence[str]) -> dict[str, str]:
    try:
        return columns.own_names(names)
    except ValueError as error:
        raise ExportError(
            f"{file.path}: {error} match the same FOCUS column. Rename one of these columns to the exact FOCUS "
            "column name"
        ) from error


def _version_text(names: set[str]) -> str:
    """Return the FOCUS version of a file that lacks columns, and the columns that focuswatch requires, as text."""
    needed = f"{', '.join(columns.REQUIRED)}, and for AWS charges also {', '.join(columns.REQUIRED_OF_AWS)}"
    if not any(column.lower() in names for column in columns.REQUIRED):
        return f"For every FOCUS version, focuswatch requires the columns {needed}."
    return (
        f"The columns match FOCUS {columns.focus_version(names)}; focuswatch requires the columns {needed}."
    )


def without_columns_of_aws(shape: Shape, file: ExportFile) -> ExportError:
    """Return the error for a file that contains AWS charges but lacks columns that AWS charges require."""
    names = [name for name, _ in shape.columns]
    needed = _version_text({columns.canonical(name) for name in names})
    return ExportError(
        f"{file.path} lacks {', '.join(shape.lacks_of_aws)}, required for AWS charges. {needed} Select the missing "
        "columns in the export, or remove the file"
    )


def _shape(
    file: ExportFile, format_: Format, listed: list[tuple[str, str]], *, names: list[str], delimiter: str = ""
) -> Shape:
    canonical_names = {columns.canonical(name) for name in names}
    if missing := [column for column in columns.REQUIRED if column.lower() not in canonical_names]:
        if recognized := describe_non_focus_format(names):
            raise ExportError(f"{file.path} {recognized}")
        of_aws = [column for column in columns.REQUIRED_OF_AWS if column.lower() not in canonical_names]
        lacks = ", ".join(missing) + (f", and for AWS charges {', '.join(of_aws)}" if of_aws else "")
        shown = ", ".join(names[:SHOWN_COLUMNS]) + (", …" if len(names) > SHOWN_COLUMNS else "")
        raise ExportError(
            f"{file.path} lacks {lacks}; found {len(names)} column{'' if len(names) == 1 else 's'} ({shown}); expected "
            f"FOCUS 1.0 to 1.4. {_version_text(canonical_names)} Select the missing columns in the export, or "
            "remove the file"
        )
    return Shape(
        format=format_,
        delimiter=delimiter,
        columns=tuple(listed),
        focus_version=columns.focus_version(canonical_names),
        has_meters=any(name.lower() in canonical_names for name in columns.METERS),
    )
