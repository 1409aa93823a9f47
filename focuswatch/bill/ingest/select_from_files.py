"""Build the SELECT that reads data files of one shape with the columns of `focus_export`."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from focuswatch.bill.ingest.format_and_focus_columns import Shape
from focuswatch.bill.schema import focus_column_expressions as columns
from focuswatch.engines.quoted_names import file_list, quoted
from focuswatch.engines.sql_values import literal

if TYPE_CHECKING:
    import duckdb

SAMPLED_ROWS = 200_000
# A billing period starts at midnight in the provider's time zone: in Shanghai, May starts at 2026-04-30T16:00:00Z. The
# easternmost time zone is 14 hours ahead of UTC.
# https://support.huaweicloud.com/intl/en-us/usermanual-cost/costcenter_000002_03_07.html
FARTHEST_EAST_HOURS = 14


def relation(
    shape: Shape,
    paths: Iterable[str],
    *,
    finished: bool = True,
    invoices: bool = False,
    rows: tuple[int, int] | None = None,
) -> str:
    """Return a SELECT with exactly the columns of `focus_export`, over files of one shape.

    `rows` limits each Parquet file to the range [first, end) of its rows; only their row groups are read. `invoices`
    adds InvoiceId.

    If not `finished`, blank text is not yet null and Tags have the type of the files. `finish` converts both after
    folding, when there are fewer rows.
    """
    types = {columns.canonical(name): (name, type_) for name, type_ in shape.columns}
    expressions = {
        column: columns.expression(column, types, blanks=finished and column in shape.blank_columns)
        for column in columns.KINDS
    }
    period = (
        f"TIMESTAMP '{shape.billing_period}'"  # a constant adds no cost to a query
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

    The footers show every column that contains '', because it is the minimum of a row group. 'NULL' is searched for in
    the first rows of columns that are mostly null, because an exporter that writes 'NULL' writes it throughout.
    Checking every value in every query would take half the time of a scan.
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
    """Return whether the files may contain 'NULL' for null; True if they have no column that would show it."""
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
    """Return the expressions of a `SELECT * REPLACE (…)` that finishes the rows of an unfinished `relation`."""
    texts = [f"{columns.without_blanks(column)} AS {column}" for column in columns.TEXTS]
    return ", ".join([*texts, f"{columns.map_of('Tags', shape.tags_type)} AS Tags"])


def scan_of(shape: Shape, paths: Iterable[str]) -> str:
    """Return a table function, for a FROM, that reads the files with their own columns and names."""
    files = file_list(paths)
    if shape.format == "parquet":
        return f"read_parquet({files}, hive_partitioning = false, binary_as_string = true)"
    types = ", ".join(f"{literal(name)}: {literal(type_)}" for name, type_ in shape.columns)
    return (
        f"read_csv({files}, columns = {{{types}}}, header = true, auto_detect = false, strict_mode = true, "
        f"delim = {literal(shape.delimiter)}, quote = '\"', escape = '\"', nullstr = ['', 'NULL'], "
        f"compression = '{'gzip' if shape.format == 'csv.gz' else 'none'}', hive_partitioning = false)"
    )
