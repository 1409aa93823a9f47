"""Check the catalog with an engine: the SQL runs, the columns exist, and the cases pass."""

import re
import string
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any

import duckdb

from focuswatch.authoring.detection_cases import FOLDER, Case, CaseFile, give, read_cases, run_case
from focuswatch.authoring.no_rows_without_ai_charges import problems_without_charges
from focuswatch.bill import local_tables
from focuswatch.catalog.sql_catalog import Catalog, CatalogEntry, Detection
from focuswatch.detect.run_detection import DetectionInput, first_new_day
from focuswatch.engines.duckdb_engine import connect
from focuswatch.errors import CatalogError
from focuswatch.findings.finding_from_row import CONTRACT

SERIES_CONTRACT = ("sub_account_id", "series", "charge_date", "cost")
SERIES_COLUMNS = {
    "daily_cost",
    "daily_expected",
    "daily_excess",
    "anomalous_from",
    "anomalous_until",
    "anomalous_days",
    "continues",
    "score",
    "meter",
    "cause_region_id",
    "cause_resource_id",
    "operation",
    "moved",
    "causes",
    *CONTRACT,
    "service_name",
    "monthly_cost_if_continues",
}
FORECAST_CONTRACT = (
    "team",
    "use_case",
    "sub_account_id",
    "service_name",
    "charge_date",
    "is_settled",
    "usage_cost",
    "fee_cost",
)
FORECAST_COLUMNS = {
    "plan",
    "plan_of",
    "budget_status",
    "budget",
    "spent",
    "spent_percent",
    "reached_percent",
    "forecast",
    "low",
    "high",
    "over_by",
    "over_on",
    "settled_until",
    "days_left",
    "month",
    *CONTRACT,
}
ALWAYS_THERE = {"sub_account_name", "currency"}

# SQL that one of the engines lacks or reads differently, with a portable replacement: docs/portable-sql.md.
NOT_COMMON = {
    r"(?<!:)::(?=\s*[A-Za-z])": "CAST(x AS type)",
    r"\bQUALIFY\b": "a subquery with row_number()",
    r"\bGROUP\s+BY\s+ALL\b": "GROUP BY with column names or positions",
    r"\bEXCLUDE\s*\(": "a list of column names",
    r"\bconcat\s*\(": "||",
    r"\b(string_agg|listagg)\s*\(": "array_join(array_agg(x ORDER BY x), ', ')",
    r"\bbit_or\s*\(": "bitwise_or_agg(x)",
    r"\bbit_count\s*\((?:[^(),]|\([^()]*\))*\)": "bit_count(x, 64)",
    r"\b(median|approx_percentile|percentile_cont|quantile)\s*\(": (
        "row_number() to select the one or two middle rows, then avg()"
    ),
    r"\b(date_add|date_parse|date_format|strftime|last_day|last_day_of_month|sequence|generate_series)\s*\(": (
        "CAST(d + INTERVAL '1' DAY * n AS date)"
    ),
    r"\bextract\s*\(\s*dow\b|\bdayofweek\s*\(": "day_of_week(d), which returns 1 for Monday",
    r"\b(approx_distinct|json_extract_scalar|to_utf8|from_unixtime|any_match|map_filter|transform|reduce)\s*\(": (
        "plain joins and UNNEST"
    ),
    r"(?<!ARRAY)\[\s*'": "element_at(map, key)",
    r"\bIGNORE\s+NULLS\b": "max() as a window function over the preceding rows",
    # DuckDB skips a null x and takes the next row's, Trino returns null
    r"\b(max_by|min_by)\s*\((?!\s*coalesce\b)"
    r"(?!(?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*\)\s*FILTER\b)": (
        "max_by(x, y) FILTER (WHERE x IS NOT NULL)"
    ),
}


def problems(
    catalog: Catalog | None = None,
    *,
    only: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Return every broken rule of the catalog, or of the detection `only`; empty if all rules are kept.

    Unfinished files are reported too. Raises ConfigError for an `only` that is not in the catalog.
    """
    try:
        catalog = catalog or Catalog.load()
    except CatalogError as error:
        return [line for line in str(error).splitlines() if only is None or f"/{only}." in line]
    unfinished = [problem for id, problem in catalog.unfinished.items() if only in (None, id)]
    if only in catalog.unfinished:
        return unfinished
    detections = list(catalog.detections.values()) if only is None else [catalog.detection(only)]
    progress("Checking headers, SQL and columns")
    statements = _problems_of_statements(catalog, detections, with_tables=only is None)
    return [*unfinished, *statements, *_case_problems(catalog, detections, progress=progress)]


def statement_problems(catalog: Catalog) -> list[str]:
    """Return the problems in the SQL and the texts of every file, without running cases."""
    return _problems_of_statements(catalog, list(catalog.detections.values()), with_tables=True)


def _problems_of_statements(catalog: Catalog, detections: list[Detection], *, with_tables: bool) -> list[str]:
    entries: list[CatalogEntry[Any]] = [*detections]
    if with_tables:
        entries += [*catalog.reports.values(), *catalog.tables.values(), *catalog.lookups.values()]
    found = [
        f"{entry.path.parent.name}/{entry.path.name}: {problem}"
        for entry in entries
        for problem in (
            *_foreign_words(entry.sql),
            *_built_commands(entry.sql),
            *_duplicate_names(entry.sql, tables=catalog.tables),
        )
    ]
    return found + [
        f"{detection.path.parent.name}/{detection.path.name}: {problem}"
        for detection, problem in _column_problems(detections, catalog)
    ]


def _foreign_words(sql: str) -> Iterator[str]:
    code = re.sub(r"--[^\n]*", "", sql)
    for pattern, instead in NOT_COMMON.items():
        if found := re.search(pattern, code, re.IGNORECASE):
            line = code[: found.start()].count("\n") + 1
            yield f"line {line} of the query: '{found[0]}' is not portable between DuckDB and Trino; use {instead}."


def _built_commands(sql: str) -> Iterator[str]:
    """Yield a problem for a command that SQL builds from the bill: the names in it could not be checked."""
    code = re.sub(r"--[^\n]*", "", sql)
    if found := re.search(r"'[^']*\baws [a-z][^']*'\s*\|\|", code):
        line = code[: found.start()].count("\n") + 1
        yield (
            f"line {line} of the query: found an AWS CLI command that is built with ||. Write the command as one "
            "string with a {column} placeholder for each value, and return it in a column whose name ends in _command."
        )


def _duplicate_names(sql: str, *, tables: Iterable[str]) -> Iterator[str]:
    """Yield a problem for a WITH query named like a table: both get into one WITH clause on Athena and Trino."""
    code = re.sub(r"--[^\n]*", "", sql)
    for query in re.finditer(r"(?:\bWITH\s+|,\s*)(\w+)\s+AS\s*\(", code, re.IGNORECASE):
        if query[1].lower() in tables:
            line = code[: query.start(1)].count("\n") + 1
            yield (
                f"line {line} of the query: the WITH query {query[1]} has the same name as a "
                "table in athena_sql/tables; use another name."
            )


def _column_problems(detections: list[Detection], catalog: Catalog) -> Iterator[tuple[Detection, str]]:
    as_of = date(2026, 1, 31)
    values = DetectionInput(as_of=as_of, first_new_day=first_new_day(as_of, evaluated_until=None)).values
    connection = connect()
    try:
        give(connection, Case(name="empty tables", kind="quiet"), file=CaseFile.model_construct(charge={}))
        local_tables.create_views(connection, catalog, values=values)
        for detection in detections:
            try:
                described = connection.execute(f"DESCRIBE {detection.render(values)}").fetchall()
            except (duckdb.Error, KeyError) as error:
                yield detection, f"DuckDB cannot run the query: {str(error).splitlines()[0]}"
            else:
                for problem in _wrong_columns(detection, {row[0] for row in described}):
                    yield detection, problem
            if charges := detection.header.needs.charges:
                try:
                    connection.execute(f"SELECT count(*) FROM daily_charges WHERE {charges}")
                except duckdb.Error as error:
                    yield (
                        detection,
                        "`charges` under [needs] must be a condition on the table daily_charges: "
                        f"{str(error).splitlines()[0]}",
                    )
    finally:
        connection.close()


def _wrong_columns(detection: Detection, columns: set[str]) -> Iterator[str]:
    contract, shown = {
        "resource": (CONTRACT, columns),
        "series": (SERIES_CONTRACT, SERIES_COLUMNS),
        "forecast": (FORECAST_CONTRACT, FORECAST_COLUMNS),
    }[detection.header.kind]
    if missing := [column for column in contract if column not in columns]:
        names = ", ".join(missing)
        yield f"the query does not return {names}; required columns: {', '.join(contract)}."
    for name in ("reason", "action"):
        text = getattr(detection.header, name)
        fields = {field for _, field, _, _ in string.Formatter().parse(text) if field}
        if unknown := fields - shown - ALWAYS_THERE:
            yield f"{name} refers to {', '.join(sorted(unknown))}, which the query does not return."
    days = set(detection.header.explain.days) if detection.header.explain else set()
    if unknown := days - shown:
        yield f"`days` under [explain] refers to {', '.join(sorted(unknown))}, which the query does not return."


def _case_problems(
    catalog: Catalog, detections: list[Detection], *, progress: Callable[[str], None]
) -> Iterator[str]:
    if not FOLDER.exists():  # installed without the repository
        return
    connection = connect()
    try:
        for number, detection in enumerate(detections, start=1):
            try:
                file = read_cases(FOLDER / f"{detection.id}.toml")
            except CatalogError as error:
                yield str(error)
                continue
            progress(f"Running the test cases of {detection.id} ({number} of {len(detections)})")
            for case in file.cases:
                for check in (run_case, problems_without_charges):
                    for problem in check(
                        case, file=file, detection=detection, catalog=catalog, on=connection
                    ):
                        yield f"detections/{detection.id}.toml: {case.name}: {problem}"
    finally:
        connection.close()
