"""Detect which columns of Parquet files may contain blank text, and their billing period."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from focuswatch.bill.ingest.detect_focus_columns_or_reject_file import Shape
from focuswatch.bill.ingest.select_from_files import table_function
from focuswatch.bill.schema import focus_columns_and_their_names_in_files as columns
from focuswatch.engines.duckdb_connection_macros_and_tables import file_list
from focuswatch.engines.quote_sql_identifier import quoted

if TYPE_CHECKING:
    import duckdb

SAMPLED_ROWS = 200_000


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
        f"SELECT EXISTS (FROM (SELECT * FROM {table_function(shape, paths)} LIMIT {SAMPLED_ROWS}) WHERE {blank})"
    ).fetchall()[0]
    return bool(exists)
