"""Cases of detections: input rows and expected findings, in `tests/detections/<id>.toml`.

The tests, `focuswatch check` and the conformance tests of other engines read the same files.
"""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from focuswatch.bill import local_tables
from focuswatch.bill.schema import table_columns as columns
from focuswatch.catalog.parse_and_format_toml import parse_toml
from focuswatch.catalog.sql_catalog import FILL_IN, ROOT, Catalog, Detection
from focuswatch.detect.run_detection import DetectionInput, Outcome, first_new_day, run_detection
from focuswatch.engines.duckdb_engine import DuckDbEngine, create_empty_table
from focuswatch.errors import CatalogError
from focuswatch.findings.value_as_json import json_value
from focuswatch.owners.owners_file_and_assignment import Owners

FOLDER = ROOT.parent / "tests" / "detections"
TOLERANCE = 0.005  # amounts are compared to half a cent

Given = dict[str, Any]


class Case(BaseModel):
    """One expectation of a detection.

    A charge stands for a row on each day of `days = [from, to)`, or on its `charge_date`;
    `weekdays = [5, 6]` keeps only Saturdays and Sundays; `growth = 0.01` makes each row's cost and quantity
    1 % larger than the one before. A row of `token_hours` also stands for each hour of `hours = [from, to)`.
    """

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=8)
    kind: Literal["fires", "quiet", "boundary"]
    as_of: date | None = None
    news_since: date | None = None
    required_tags: list[str] = ["team"]
    charges: list[Given] = []
    activity: list[Given] = []
    links: list[Given] = []
    principals: list[Given] = []
    invocations: list[Given] = []
    token_hours: list[Given] = []
    accounts: list[Given] = []
    account_history: list[Given] = []
    events: list[Given] = []
    recommendations: list[Given] = []
    deliveries: list[Given] = []
    owners: Given = {}
    findings: list[Given] = []
    skipped: int = 0


class CaseFile(BaseModel):
    """All cases of one detection; `charge`, `activity_row`, … hold the default values of each row."""

    model_config = ConfigDict(extra="forbid")
    as_of: date
    charge: Given = {}
    activity_row: Given = {}
    link_row: Given = {}
    recommendation: Given = {}
    principal_row: Given = {}
    token_hour: Given = {}
    cases: list[Case] = Field(min_length=3)


def read_cases(path: Path) -> CaseFile:
    """Return the cases at `path`. Raises CatalogError if it is missing, broken, unfinished, or lacks a kind of case."""
    where = f"{path.parent.name}/{path.name}"
    if not path.exists():
        raise CatalogError(
            f"{where}: no test cases found; add a test case of each kind: fires, quiet and boundary."
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CatalogError(f"{where}: not UTF-8 text: {error}. Save the file as UTF-8.") from error
    if FILL_IN in text:
        raise CatalogError(f"{where}: found the placeholder '{FILL_IN}'; replace it with your own text.")
    try:
        file = CaseFile.model_validate(parse_toml(text))
    except ValueError as error:  # ValidationError too
        raise CatalogError(f"{where}: {error}") from error
    if missing := {"fires", "quiet", "boundary"} - {case.kind for case in file.cases}:
        raise CatalogError(
            f"{where}: no test case of kind {', '.join(sorted(missing))}; add at least one test case of "
            "each kind."
        )
    return file


def run_case(
    case: Case, *, file: CaseFile, detection: Detection, catalog: Catalog, on: duckdb.DuckDBPyConnection
) -> list[str]:
    """Return the differences between the findings that `case` expects and those of DuckDB; empty if it holds.

    It replaces every table on the connection.
    """
    return differences(case, outcome_of(case, file=file, detection=detection, catalog=catalog, on=on))


def outcome_of(
    case: Case,
    *,
    file: CaseFile,
    detection: Detection,
    catalog: Catalog,
    on: duckdb.DuckDBPyConnection,
    per_usd: float = 1.0,
) -> Outcome:
    """Run the detection on the input of `case` only; `per_usd` is units of its currency for one US dollar."""
    give(on, case, file=file)
    question = input_of(case, file=file, per_usd=per_usd)
    statements = [detection.sql]
    if detection.header.kind == "series":  # it reads the cost drivers of its findings too
        statements.append(catalog.lookups["cost_drivers"].sql)
    local_tables.create_views(on, catalog, values=question.values, statements=statements)
    return run_detection(detection, engine=DuckDbEngine(on), catalog=catalog, inputs=question)


def input_of(case: Case, *, file: CaseFile, per_usd: float = 1.0) -> DetectionInput:
    """Return the parameters of a case; see outcome_of."""
    as_of = case.as_of or file.as_of
    return DetectionInput(
        as_of=as_of,
        first_new_day=case.news_since or first_new_day(as_of, evaluated_until=None),
        required_tags=tuple(case.required_tags),
        per_usd=per_usd,
    )


def give(on: duckdb.DuckDBPyConnection, case: Case, *, file: CaseFile) -> None:
    """Create the input tables of a case on a connection."""
    charges = [_priced(row) for one in case.charges for row in _days(file.charge, one, "charge_date")]
    activity = [row for one in case.activity for row in _days(file.activity_row, one, "activity_date")]
    recommendations = [file.recommendation | one for one in case.recommendations]
    principals = [row for one in case.principals for row in _days(file.principal_row, one, "charge_date")]
    token_hours = [row for one in case.token_hours for row in _hours(file.token_hour, one)]
    for name, shape, rows in (
        ("folded_charges", columns.FOLDED_CHARGES, charges),
        ("activity", columns.ACTIVITY, activity),
        ("principal_charges", columns.PRINCIPAL_CHARGES, principals),
        ("token_hours", columns.TOKEN_HOURS, token_hours),
        ("accounts", columns.ACCOUNTS, case.accounts),
        ("invocation_tokens", columns.INVOCATION_TOKENS, case.invocations),
        ("account_history", columns.ACCOUNT_HISTORY, case.account_history),
        ("events", columns.EVENTS, case.events),
        ("ai_links", columns.AI_LINKS, [file.link_row | one for one in case.links]),
        ("deliveries", columns.DELIVERIES, case.deliveries),
        ("recommendations", columns.RECOMMENDATIONS, recommendations),
        ("known_findings", columns.KNOWN_FINDINGS, []),
    ):
        create_empty_table(on, name, shape)
        insert(on, name, shape, rows)
    local_tables.load_owners(on, owners_of(case).tables)


def owners_of(case: Case) -> Owners:
    """Return the owners.toml of a case. Raises CatalogError if it is not valid."""
    try:
        owners = Owners.model_validate(case.owners)
    except ValidationError as error:
        raise CatalogError(f"{case.name}: owners: {error}") from error
    if mistakes := list(owners.mistakes()):
        raise CatalogError(f"{case.name}: {' '.join(mistakes)}")
    return owners


def differences(case: Case, outcome: Outcome) -> list[str]:
    """Return the findings that are missing, unexpected or different from what `case` expects."""
    if outcome.error:
        return [outcome.error]
    problems, left = [], list(outcome.rows)
    for expected in case.findings:
        match = next((row for row in left if _agrees(row, expected)), None)
        if match is None:
            problems.append(f"expected {expected}, found {left or 'nothing'}")
        else:
            left.remove(match)
    problems += [f"unexpected finding: {row}" for row in left]
    if len(outcome.not_evaluated) != case.skipped:
        problems.append(
            f"number of rows that were not evaluated: expected {case.skipped}, found {len(outcome.not_evaluated)}"
        )
    return problems


def _agrees(row: Given, expected: Given) -> bool:
    return all(key in row and _same(row[key], value) for key, value in expected.items())


def _same(found: Any, expected: Any) -> bool:
    if expected == "null":  # TOML has no null
        return found is None
    expected = json_value(expected)  # as an outcome's rows are
    if isinstance(expected, float) and isinstance(found, int | float):
        return abs(found - expected) < TOLERANCE
    return bool(found == expected)


def _days(defaults: Given, one: Given, column: str) -> list[Given]:
    given = defaults | one
    row = {key: value for key, value in given.items() if key not in ("days", "weekdays", "growth")}
    if "days" not in given or column in one:
        return [row]
    first, end = given["days"]
    days = [first + timedelta(days=number) for number in range((end - first).days)]
    wanted = given.get("weekdays", range(7))
    rows = [row | {column: day} for day in days if day.weekday() in wanted]
    return [_grown(row, (1 + given.get("growth", 0.0)) ** number) for number, row in enumerate(rows)]


def _hours(defaults: Given, one: Given) -> list[Given]:
    """Return a row for each hour of `hours = [from, to)`, or one for its `token_hour`, on each of its days."""
    rows = _days(defaults, one, "token_date")
    span = None if "token_hour" in one else (defaults | one).get("hours")
    plain = [{key: value for key, value in row.items() if key != "hours"} for row in rows]
    return [row | {"token_hour": hour} for row in plain for hour in range(*span)] if span else plain


def _grown(row: Given, factor: float) -> Given:
    measured = {
        name: row.get(name) for name in ("EffectiveCost", "ConsumedQuantity", "effective_cost", "quantity")
    }
    return row | {name: value * factor for name, value in measured.items() if isinstance(value, int | float)}


def _priced(charge: Given) -> Given:
    effective = charge.get("EffectiveCost", 0)
    period = {
        "billing_period": charge["charge_date"].replace(day=1),
        "charge_last_date": charge["charge_date"],
    }
    usual = {"ProviderName": "AWS", "BillingCurrency": "USD", "ChargeCategory": "Usage", "charges": 1}
    return usual | period | {"BilledCost": effective} | charge


def insert(on: duckdb.DuckDBPyConnection, name: str, columns: dict[str, str], rows: list[Given]) -> None:
    """Insert rows by column name; what a row leaves out is null. Raises CatalogError for an unknown column."""
    for row in rows:
        if unknown := set(row) - set(columns):
            raise CatalogError(f"{name} has no column {', '.join(unknown)}; use one of {', '.join(columns)}.")
    if rows:
        selected = ", ".join(_unnested(type_) for type_ in columns.values())
        on.execute(
            f"INSERT INTO {name} SELECT {selected}",
            [[_value(row.get(column)) for row in rows] for column in columns],
        )


def _unnested(type_: str) -> str:
    if type_.startswith("MAP"):
        return f"CAST(CAST(unnest(CAST(? AS VARCHAR[])) AS JSON) AS {type_})"
    return f"unnest(CAST(? AS {type_}[]))"


def _value(value: Any) -> Any:
    match value:
        case "null":
            return None
        case datetime():
            return value.replace(tzinfo=None)
        case dict():
            return json.dumps(value)
    return value
