"""The shape of a data file: its format and the FOCUS columns in it, and SQL that reads files of one shape.

Files of one shape are read by one SELECT, which gives `focus_export`.
"""

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from focuswatch.bill.ingest.file_formats import Format, Sniffed, sniff
from focuswatch.bill.ingest.file_listing import ExportFile
from focuswatch.bill.ingest.read_errors import refusal
from focuswatch.bill.ingest.unsupported_formats import format_of
from focuswatch.bill.schema import focus_columns as columns
from focuswatch.bill.schema.focus_columns import TEXTS
from focuswatch.engines.quoted_names import file_list, quoted
from focuswatch.engines.sql_values import literal
from focuswatch.errors import ExportError

if TYPE_CHECKING:
    import duckdb

SHOWN_COLUMNS = 8
SAMPLED_ROWS = 200_000
# A billing period begins at midnight in the provider's time zone: May in Shanghai at 2026-04-30T16:00:00Z. The zone
# farthest east is 14 hours ahead of UTC. https://support.huaweicloud.com/intl/en-us/usermanual-cost/costcenter_000002_03_07.html
FARTHEST_EAST_HOURS = 14


class Shape(BaseModel):
    """The properties shared by files that one SELECT can read."""

    model_config = ConfigDict(frozen=True)

    format: Format
    delimiter: str
    columns: tuple[
        tuple[str, str], ...
    ]  # a file's own names with DuckDB's types; for CSV every column, in order
    focus_version: str
    has_meters: bool
    billing_period: datetime | None = None  # of all charges, where the files' footers know of no other
    blank_columns: tuple[str, ...] = TEXTS  # of FOCUS, in which '' or 'NULL' may stand for null

    @property
    def is_native(self) -> bool:
        """Whether reading costs no parsing, so that queries may read the files themselves."""
        return self.format == "parquet" and all(
            columns.is_native(type_, kind=columns.READ[columns.canonical(name)])
            for name, type_ in self.columns
            if columns.canonical(name) not in (columns.PRICING_CURRENCY, columns.PRICING_COST)
        )

    @property
    def lacks_of_aws(self) -> tuple[str, ...]:
        """The columns that the files lack and that charges of AWS need."""
        names = {columns.canonical(name) for name, _ in self.columns}
        return tuple(column for column in columns.REQUIRED_OF_AWS if column.lower() not in names)

    @property
    def tags_type(self) -> str:
        """DuckDB's type of Tags as `relation` gives them; a map's where the files have none."""
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
    """Return the shape of every file. Raises ExportError for one that cannot be read as FOCUS data."""
    sniffed = {file: sniff(file.path) for file in files}
    parquet = [file for file, found in sniffed.items() if found.format == "parquet"]
    schemas = _parquet_columns(parquet, connection=connection)
    return {
        file: _parquet_shape(file, schemas[str(file.path)])
        if found.format == "parquet"
        else _csv_shape(file, found)
        for file, found in sniffed.items()
    }


def relation(
    shape: Shape,
    paths: Iterable[str],
    *,
    finished: bool = True,
    invoices: bool = False,
    rows: tuple[int, int] | None = None,
) -> str:
    """Return a SELECT with exactly the columns of `focus_export`, over files of one shape.

    `rows` limits it to a range [first, end) of one Parquet file, of which only those row groups are read.
    `invoices` adds InvoiceId.

    Unfinished, blank text is not yet null and Tags are as the files have them; `finish` does the rest,
    after folding, where a row stands for many.
    """
    types = {columns.canonical(name): (name, type_) for name, type_ in shape.columns}
    expressions = {
        column: columns.expression(column, types, blanks=finished and column in shape.blank_columns)
        for column in columns.KINDS
    }
    period = (
        f"TIMESTAMP '{shape.billing_period}'"  # a constant costs a query nothing
        if shape.billing_period
        else f"coalesce({expressions['BillingPeriodStart']}, {expressions['ChargePeriodStart']})"
    )
    expressions["BillingPeriodStart"] = f"date_trunc('month', {period} + INTERVAL {FARTHEST_EAST_HOURS} HOUR)"
    if columns.ALLOCATED_TAGS in types:
        expressions["Tags"] = columns.with_allocated_tags(types)
    elif finished:
        expressions["Tags"] = columns.map_of(expressions["Tags"], shape.tags_type)
    if invoices:
        expressions[columns.INVOICE] = columns.invoice_id(types)
    selected = ", ".join(f"{value} AS {column}" for column, value in expressions.items())
    limited = f" WHERE file_row_number >= {rows[0]} AND file_row_number < {rows[1]}" if rows else ""
    return f"SELECT {selected} FROM {scan_of(shape, paths)}{limited}"


def with_blanks_and_period(
    connection: "duckdb.DuckDBPyConnection", shape: Shape, paths: Sequence[str]
) -> Shape:
    """Return the shape of Parquet files, completed with the columns that may be blank and the billing period.

    Every '' shows in the footers, as the least text of a row group. 'NULL' is looked for in the first rows of
    columns that most rows leave null, since whoever writes it does so throughout; to ask it of every value of
    every query would cost half of a scan.
    """
    footers = connection.execute(
        f"""
        SELECT
            lower(path_in_schema) AS name,
            coalesce(bool_or(
                stats_min_value = '' OR (stats_min_value IS NULL AND coalesce(stats_null_count, 0) < num_values)
            ), false) AS may_be_blank,
            CASE WHEN
                count(TRY_CAST(stats_min_value AS TIMESTAMP)) = count(*)
                AND min(TRY_CAST(stats_min_value AS TIMESTAMP)) = max(TRY_CAST(stats_max_value AS TIMESTAMP))
                AND count(TRY_CAST(stats_max_value AS TIMESTAMP)) = count(*)
                AND max(coalesce(stats_null_count, 1)) = 0
            THEN min(TRY_CAST(stats_min_value AS TIMESTAMP)) END AS only_time
        FROM parquet_metadata({file_list(paths)})
        GROUP BY 1
        """
    ).fetchall()
    blank = {columns.canonical(name) for name, may_be_blank, _ in footers if may_be_blank}
    only_times = {columns.canonical(name): only_time for name, _, only_time in footers}
    of_these: tuple[str, ...] = columns.TEXTS
    if not _writes_null(connection, shape, paths):
        of_these = tuple(
            column
            for column in of_these
            if any(source.lower() in blank for source in columns.sources(column))
        )
    return shape.model_copy(
        update={"blank_columns": of_these, "billing_period": only_times.get("billingperiodstart")}
    )


def _writes_null(connection: "duckdb.DuckDBPyConnection", shape: Shape, paths: Sequence[str]) -> bool:
    """Return whether 'NULL' can mean null; True if no column can show it."""
    own = {columns.canonical(name): name for name, _ in shape.columns}
    nullable = [quoted(own[column.lower()]) for column in columns.MOSTLY_NULL if column.lower() in own]
    if not nullable:
        return True
    blank = " OR ".join(f"CAST({name} AS VARCHAR) = 'NULL'" for name in nullable)
    (exists,) = connection.execute(
        f"SELECT EXISTS (FROM (SELECT * FROM {scan_of(shape, paths)} LIMIT {SAMPLED_ROWS}) WHERE {blank})"
    ).fetchall()[0]
    return bool(exists)


def finish(shape: Shape) -> str:
    """Return the list of a `SELECT * REPLACE (…)` that finishes what `relation` left unfinished."""
    texts = [f"{columns.without_blanks(column)} AS {column}" for column in columns.TEXTS]
    return ", ".join([*texts, f"{columns.map_of('Tags', shape.tags_type)} AS Tags"])


def scan_of(shape: Shape, paths: Iterable[str]) -> str:
    """Return the files as they are, for a FROM: their own columns under their own names."""
    files = file_list(paths)
    if shape.format == "parquet":
        return f"read_parquet({files}, hive_partitioning = false, binary_as_string = true)"
    types = ", ".join(f"{literal(name)}: {literal(type_)}" for name, type_ in shape.columns)
    return (
        f"read_csv({files}, columns = {{{types}}}, header = true, auto_detect = false, strict_mode = true, "
        f"delim = {literal(shape.delimiter)}, quote = '\"', escape = '\"', nullstr = ['', 'NULL'], "
        f"compression = '{'gzip' if shape.format == 'csv.gz' else 'none'}', hive_partitioning = false)"
    )


def _parquet_columns(
    files: Sequence[ExportFile], *, connection: "duckdb.DuckDBPyConnection"
) -> dict[str, list[tuple[str, str]]]:
    """Top-level columns of Parquet files with DuckDB's types, from their footers, in one statement."""
    columns_by_file: dict[str, list[tuple[str, str]]] = {str(file.path): [] for file in files}
    if not files:
        return columns_by_file
    listed = file_list(str(file.path) for file in files)
    import duckdb  # here, since the Lambdas load this module and have no DuckDB

    try:
        rows = connection.execute(
            f"SELECT file_name, name, duckdb_type, coalesce(num_children, 0) FROM parquet_schema({listed}) "
            "ORDER BY file_name, column_id"
        ).fetchall()
    except duckdb.Error as error:
        raise refusal(error, files=[file.path for file in files]) from error
    for path, nodes in itertools.groupby(rows, key=lambda row: row[0]):
        columns_by_file[path] = _top_level([(name, type_, children) for _, name, type_, children in nodes])
    return columns_by_file


def _top_level(nodes: Sequence[tuple[str, str, int]]) -> list[tuple[str, str]]:
    """Return the columns among a Parquet schema's nodes, which come root first and depth first."""
    top_level = []
    below = 0  # nodes still to come inside the last column
    for name, type_, children in nodes[1:]:
        if below:
            below += children - 1
        else:
            top_level.append((name, type_))
            below = children
    return top_level


def _parquet_shape(file: ExportFile, listed: Sequence[tuple[str, str]]) -> Shape:
    """Return a shape of only the columns that are read, sorted, so that other columns make no difference."""
    names = [name for name, _ in listed]
    own = set(_own_names(file, names).values())
    return _shape(file, "parquet", sorted(item for item in listed if item[0] in own), names=names)


def _csv_shape(file: ExportFile, sniffed: Sniffed) -> Shape:
    """Return a shape of all columns in order; columns that are not read get new names, since headers can repeat."""
    names = [name.strip() for name in sniffed.header]
    unseen = {name: columns.READ[column] for column, name in _own_names(file, names).items()}
    listed = []
    for place, name in enumerate(names):
        kind = unseen.pop(name, None)
        example = sniffed.first_row[place] if place < len(sniffed.first_row) else ""
        listed.append((name, columns.csv_type(kind, example)) if kind else (f"_{place}", "VARCHAR"))
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
    """Return which version a file with columns missing is in, and which columns of that version are needed."""
    needed = f"{', '.join(columns.REQUIRED)}, and for AWS also {', '.join(columns.REQUIRED_OF_AWS)}"
    if not any(column.lower() in names for column in columns.REQUIRED):
        return f"Every FOCUS version requires the columns {needed}."
    return f"The file has columns of FOCUS {columns.focus_version(names)}; focuswatch requires the columns {needed}."


def without_columns_of_aws(shape: Shape, file: ExportFile) -> ExportError:
    """Return the error to raise for a file with charges of AWS and without columns that these need."""
    names = [name for name, _ in shape.columns]
    needed = _version_text({columns.canonical(name) for name in names})
    return ExportError(
        f"{file.path} lacks {', '.join(shape.lacks_of_aws)}, which are required for AWS charges. {needed} Select "
        "these columns "
        "in the export, or remove the file"
    )


def _shape(
    file: ExportFile, format_: Format, listed: list[tuple[str, str]], *, names: list[str], delimiter: str = ""
) -> Shape:
    canonical_names = {columns.canonical(name) for name in names}
    if missing := [column for column in columns.REQUIRED if column.lower() not in canonical_names]:
        if recognized := format_of(names):
            raise ExportError(f"{file.path} {recognized}")
        of_aws = [column for column in columns.REQUIRED_OF_AWS if column.lower() not in canonical_names]
        lacks = ", ".join(missing) + (f", and for AWS {', '.join(of_aws)}" if of_aws else "")
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
