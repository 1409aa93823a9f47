"""Build the SELECT that reads data files of one shape with the columns of `focus_export`."""

from collections.abc import Iterable

from focuswatch.bill.ingest.detect_focus_columns_or_reject_file import Shape
from focuswatch.bill.schema import focus_column_expressions as expressions
from focuswatch.bill.schema import focus_columns_and_their_names_in_files as columns
from focuswatch.engines.duckdb_connection_macros_and_tables import file_list
from focuswatch.engines.values_as_sql_literals import literal


def select_focus_export(
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

    If not `finished`, blank text is not yet null and Tags have the type of the files. `finishing_expressions` converts
    both after folding, when there are fewer rows.
    """
    types = {columns.canonical(name): (name, type_) for name, type_ in shape.columns}
    sql_by_column = {
        column: expressions.expression(column, types, blanks=finished and column in shape.blank_columns)
        for column in columns.KINDS
    }
    period = (
        f"TIMESTAMP '{shape.billing_period}'"  # a constant adds no cost to a query
        if shape.billing_period
        else f"coalesce({sql_by_column['BillingPeriodStart']}, {sql_by_column['ChargePeriodStart']})"
    )
    sql_by_column["BillingPeriodStart"] = (
        f"date_trunc('month', {period} + INTERVAL {columns.FARTHEST_EAST_HOURS} HOUR)"
    )
    if columns.ALLOCATED_TAGS in types:
        sql_by_column["Tags"] = expressions.with_allocated_tags(types)
    elif finished:
        sql_by_column["Tags"] = expressions.map_of(sql_by_column["Tags"], shape.tags_type)
    if invoices:
        sql_by_column[columns.INVOICE] = expressions.invoice_id(types)
    selected = ", ".join(f"{value} AS {column}" for column, value in sql_by_column.items())
    limited = f" WHERE file_row_number >= {rows[0]} AND file_row_number < {rows[1]}" if rows else ""
    return f"SELECT {selected} FROM {table_function(shape, paths)}{limited}"


def finishing_expressions(shape: Shape) -> str:
    """Return the expressions of a `SELECT * REPLACE (…)` that finishes rows of `select_focus_export`."""
    texts = [f"{expressions.without_blanks(column)} AS {column}" for column in columns.TEXTS]
    return ", ".join([*texts, f"{expressions.map_of('Tags', shape.tags_type)} AS Tags"])


def table_function(shape: Shape, paths: Iterable[str]) -> str:
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
