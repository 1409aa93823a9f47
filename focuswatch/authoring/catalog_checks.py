"""Every rule the catalog must keep that one file alone cannot tell: its SQL runs, its columns exist, its cases hold."""

import re
import string
from collections.abc import Iterator
from datetime import date

import duckdb

from focuswatch.authoring.detection_cases import FOLDER, Case, CaseFile, give, read_cases, run_case
from focuswatch.bill import local_tables
from focuswatch.catalog.catalog import Catalog, CatalogEntry, Detection, Header
from focuswatch.detect.run_detection import DetectionInput, first_new_day
from focuswatch.engines.duckdb_engine import connect
from focuswatch.errors import CatalogError
from focuswatch.findings.finding import CONTRACT

SERIES_CONTRACT = ("sub_account_id", "series", "charge_date", "cost")
SERIES_COLUMNS = {
    "daily_cost", "daily_expected", "daily_excess", "anomalous_from", "anomalous_until", "anomalous_days", "continues",
    "score", "meter", "cause_region_id", "cause_resource_id", "operation", "moved", "causes", *CONTRACT, "service_name",
    "monthly_cost_if_continues",
}  # fmt: skip
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
    "plan", "plan_of", "budget_status", "budget", "spent", "spent_percent", "reached_percent", "forecast", "low",
    "high", "over_by", "over_on", "settled_until", "days_left", "month", *CONTRACT,
}  # fmt: skip
ALWAYS_THERE = {"sub_account_name", "currency"}

# What one of the engines lacks or means otherwise, and the words to use instead: docs/portable-sql.md.
NOT_COMMON = {
    r"::": "CAST(x AS type)",
    r"\bQUALIFY\b": "a subquery with row_number()",
    r"\bGROUP\s+BY\s+ALL\b": "the columns by name or number",
    r"\bEXCLUDE\s*\(": "the columns by name",
    r"\bconcat\s*\(": "||",
    r"\b(string_agg|listagg)\s*\(": "array_join(array_agg(x ORDER BY x), ', ')",
    r"\bbit_or\s*\(": "bitwise_or_agg(x)",
    r"\bbit_count\s*\((?:[^(),]|\([^()]*\))*\)": "bit_count(x, 64)",
    r"\b(median|approx_percentile|percentile_cont|quantile)\s*\(": "row_number() and the middle one or two",
    r"\b(date_add|date_parse|date_format|strftime|last_day|last_day_of_month|sequence|generate_series)\s*\(":
        "CAST(d + INTERVAL '1' DAY * n AS date)",
    r"\bextract\s*\(\s*dow\b|\bdayofweek\s*\(": "day_of_week(d), 1 for Monday",
    r"\b(approx_distinct|json_extract_scalar|to_utf8|from_unixtime|any_match|map_filter|transform|reduce)\s*\(":
        "plain joins and UNNEST",
    r"(?<!ARRAY)\[\s*'": "element_at(map, key)",
    r"\bIGNORE\s+NULLS\b": "max() over the rows so far",
    # DuckDB passes over a null x and takes the next row's, Trino answers null
    r"\b(max_by|min_by)\s*\((?!\s*coalesce\b)(?!(?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*\)\s*FILTER\b)":
        "max_by(x, y) FILTER (WHERE x IS NOT NULL)",
}  # fmt: skip


def problems(catalog: Catalog | None = None) -> list[str]:
    """Every broken rule in words, all files at once; nothing where all is well."""
    try:
        catalog = catalog or Catalog.load()
    except CatalogError as error:
        return str(error).splitlines()
    return statement_problems(catalog) + list(_cases(catalog))


def statement_problems(catalog: Catalog) -> list[str]:
    """What is wrong with the SQL and the words of every file, cases aside."""
    return [
        f"{entry.path.parent.name}/{entry.path.name}: {problem}" for entry, problem in _statements(catalog)
    ]


def _statements(catalog: Catalog) -> Iterator[tuple[CatalogEntry[Header], str]]:
    everything: tuple[CatalogEntry[Header], ...] = (
        *catalog.detections.values(),
        *catalog.reports.values(),
        *catalog.tables.values(),
    )
    for entry in (*everything, *catalog.lookups.values()):
        for problem in (*_foreign_words(entry.sql), *_built_commands(entry.sql)):
            yield entry, problem
    for detection in catalog.detections.values():
        for problem in _wrong_columns(detection, catalog):
            yield detection, problem


def _foreign_words(sql: str) -> Iterator[str]:
    code = re.sub(r"--[^\n]*", "", sql)
    for pattern, instead in NOT_COMMON.items():
        if found := re.search(pattern, code, re.IGNORECASE):
            line = code[: found.start()].count("\n") + 1
            yield f"line {line} of the query: '{found[0]}' is not common to DuckDB and Trino; write {instead}."


def _built_commands(sql: str) -> Iterator[str]:
    """A command that SQL puts together from the bill: nothing could check the names in it any more."""
    code = re.sub(r"--[^\n]*", "", sql)
    if found := re.search(r"'[^']*\baws [a-z][^']*'\s*\|\|", code):
        line = code[: found.start()].count("\n") + 1
        yield (
            f"line {line} of the query: a command is joined with ||; name the columns in it as {{column}}, in a column "
            "that ends in _command."
        )


def _wrong_columns(detection: Detection, catalog: Catalog) -> Iterator[str]:
    question = DetectionInput(
        as_of=date(2026, 1, 31), first_new_day=first_new_day(date(2026, 1, 31), evaluated_until=None)
    )
    connection = connect()
    try:
        give(
            connection, Case(name="nothing is given", kind="quiet"), file=CaseFile.model_construct(charge={})
        )
        local_tables.create_views(connection, catalog, values=question.values)
        described = connection.execute(f"DESCRIBE {detection.render(question.values)}").fetchall()
    except (duckdb.Error, KeyError) as error:
        yield f"DuckDB refuses it: {str(error).splitlines()[0]}"
        return
    finally:
        connection.close()
    columns = {row[0] for row in described}
    contract, shown = {
        "resource": (CONTRACT, columns),
        "series": (SERIES_CONTRACT, SERIES_COLUMNS),
        "forecast": (FORECAST_CONTRACT, FORECAST_COLUMNS),
    }[detection.header.kind]
    if missing := [column for column in contract if column not in columns]:
        yield f"its rows lack {', '.join(missing)}; they must have {', '.join(contract)}."
    for name in ("reason", "action"):
        fields = {
            field for _, field, _, _ in string.Formatter().parse(getattr(detection.header, name)) if field
        }
        if unknown := fields - shown - ALWAYS_THERE:
            yield f"{name} shows {', '.join(sorted(unknown))}, which is no column of its rows."


def _cases(catalog: Catalog) -> Iterator[str]:
    if not FOLDER.exists():  # installed without the repository
        return
    for detection in catalog.detections.values():
        try:
            file = read_cases(FOLDER / f"{detection.id}.toml")
        except CatalogError as error:
            yield str(error)
            continue
        for case in file.cases:
            for problem in run_case(case, file=file, detection=detection, catalog=catalog):
                yield f"detections/{detection.id}.toml: {case.name}: {problem}"
