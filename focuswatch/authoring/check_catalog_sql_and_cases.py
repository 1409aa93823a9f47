"""Check the catalog: the SQL is portable and runs on DuckDB, required columns exist, and the test cases pass."""

import string
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from typing import Any

import duckdb

from focuswatch.authoring.check_sql_portability import sql_text_problems
from focuswatch.authoring.detection_cases import (
    CASES_FOLDER,
    Case,
    CaseFile,
    create_input_tables,
    read_cases,
    run_case,
)
from focuswatch.authoring.no_rows_without_ai_charges import problems_without_charges
from focuswatch.bill import create_owner_and_computed_local_tables
from focuswatch.catalog.sql_catalog import Catalog, CatalogEntry, Detection
from focuswatch.detect.detection_placeholder_values import DetectionInput, first_new_day
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
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
COLUMNS_OF_EVERY_FINDING = {"sub_account_name", "currency"}


def problems(
    catalog: Catalog | None = None,
    *,
    only: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Return the problems of the catalog, or only those of the detection `only`; empty if there are none.

    Includes detections with unreplaced placeholders. Raises ConfigError if `only` is not in the catalog.
    """
    try:
        catalog = catalog or Catalog.load()
    except CatalogError as error:
        return _load_problems(str(error).splitlines(), only=only)
    unfinished = [problem for id, problem in catalog.unfinished.items() if only in (None, id)]
    if only in catalog.unfinished:
        return unfinished
    detections = list(catalog.detections.values()) if only is None else [catalog.detection(only)]
    progress("Checking headers, SQL and columns")
    statements = sql_and_column_problems(catalog, detections, with_tables=only is None)
    return [*unfinished, *statements, *_case_problems(catalog, detections, progress=progress)]


def _load_problems(lines: Sequence[str], *, only: str | None) -> list[str]:
    """Return the problems of files that cannot be loaded; for another detection, that it is not checked therefore."""
    selected = [line for line in lines if only is None or f"/{only}." in line.partition(":")[0]]
    if selected:
        return selected
    files = ", ".join(dict.fromkeys(line.partition(":")[0] for line in lines))
    return [
        f"{only}: not checked, because the catalog has errors in {files}. Fix these errors first; `focuswatch check` "
        "lists them."
    ]


def sql_and_column_problems(
    catalog: Catalog, detections: Collection[Detection], *, with_tables: bool = True
) -> list[str]:
    """Return the problems in the SQL and the columns of detections, without running test cases.

    `with_tables` also checks the SQL of reports, tables and lookups.
    """
    entries: list[CatalogEntry[Any]] = [*detections]
    if with_tables:
        entries += [*catalog.reports.values(), *catalog.tables.values(), *catalog.lookups.values()]
    found = [
        f"{entry.path.parent.name}/{entry.path.name}: {problem}"
        for entry in entries
        for problem in sql_text_problems(entry.sql, tables=catalog.tables)
    ]
    return found + [
        f"{detection.path.parent.name}/{detection.path.name}: {problem}"
        for detection, problem in _column_problems(detections, catalog)
    ]


def _column_problems(detections: Collection[Detection], catalog: Catalog) -> Iterator[tuple[Detection, str]]:
    as_of = date(2026, 1, 31)
    values = DetectionInput(as_of=as_of, first_new_day=first_new_day(as_of, evaluated_until=None)).values
    connection = connect()
    try:
        create_input_tables(
            connection, Case(name="empty tables", kind="quiet"), file=CaseFile.model_construct(charge={})
        )
        create_owner_and_computed_local_tables.create_views(connection, catalog, values=values)
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
        if unknown := fields - shown - COLUMNS_OF_EVERY_FINDING:
            yield f"{name} refers to {', '.join(sorted(unknown))}, which the query does not return."
    days = set(detection.header.explain.days) if detection.header.explain else set()
    if unknown := days - shown:
        yield f"`days` under [explain] refers to {', '.join(sorted(unknown))}, which the query does not return."


def _case_problems(
    catalog: Catalog, detections: list[Detection], *, progress: Callable[[str], None]
) -> Iterator[str]:
    if not CASES_FOLDER.exists():  # an installed package has no test cases
        return
    connection = connect()
    try:
        for number, detection in enumerate(detections, start=1):
            try:
                file = read_cases(CASES_FOLDER / f"{detection.id}.toml")
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
