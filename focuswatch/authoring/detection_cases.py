"""Read and run the test cases of detections: input rows and expected findings in `tests/detections/<id>.toml`.

The unit tests, `focuswatch check` and the conformance tests of other engines use the same files.
"""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from focuswatch.bill import create_owner_and_computed_local_tables
from focuswatch.bill.schema import columns_of_all_tables as columns
from focuswatch.catalog.parse_toml_text_with_clear_syntax_errors import parse_toml
from focuswatch.catalog.sql_catalog import ROOT, Catalog, Detection
from focuswatch.catalog.sql_file_rules import FILL_IN, FORMER_NAMES
from focuswatch.detect.detection_placeholder_values import DetectionInput, first_new_day
from focuswatch.detect.run_detection_and_check_rows import Outcome, run_detection
from focuswatch.engines.duckdb_connection_macros_and_tables import create_empty_table
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.errors import CatalogError
from focuswatch.findings.value_as_json import json_value
from focuswatch.owners.owners_file import Owners

CASES_FOLDER = ROOT.parent / "tests" / "detections"
TOLERANCE = 0.005  # maximum difference between equal amounts: half a cent

Row = dict[str, Any]


class Case(BaseModel):
    """A test case of a detection: the rows of its input tables, and the findings that it must return.

    A charge with `days = [from, to)` becomes one row for each of these days; a charge with `charge_date` becomes one
    row. `weekdays = [5, 6]` keeps only Saturdays and Sundays. `growth = 0.01` makes the cost and quantity of each row
    1 % larger than those of the previous row. An entry of `token_hours` with `hours = [from, to)` becomes one row for
    each of these hours as well. `skipped` is the number of rows that the detection returns as not evaluated.
    """

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=8)
    kind: Literal["fires", "quiet", "boundary"]
    as_of: date | None = None
    first_new_day: date | None = Field(
        default=None, validation_alias=AliasChoices("first_new_day", FORMER_NAMES["first_new_day"])
    )
    required_tags: list[str] = ["team"]
    charges: list[Row] = []
    activity: list[Row] = []
    links: list[Row] = []
    principals: list[Row] = []
    invocations: list[Row] = []
    token_hours: list[Row] = []
    accounts: list[Row] = []
    account_history: list[Row] = []
    events: list[Row] = []
    recommendations: list[Row] = []
    deliveries: list[Row] = []
    owners: Row = {}
    findings: list[Row] = []
    skipped: int = 0


class CaseFile(BaseModel):
    """The test cases of one detection; `charge`, `activity_row`, … contain default values for the rows of all cases."""

    model_config = ConfigDict(extra="forbid")
    as_of: date
    charge: Row = {}
    activity_row: Row = {}
    link_row: Row = {}
    recommendation: Row = {}
    principal_row: Row = {}
    token_hour: Row = {}
    cases: list[Case] = Field(min_length=3)


def read_cases(path: Path) -> CaseFile:
    """Return the test cases in the file `path`.

    Raises CatalogError if the file is missing or invalid, contains placeholders, or lacks a kind of case.
    """
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
    except ValueError as error:  # includes ValidationError
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
    """Run a test case on DuckDB. Return the differences from the expected findings; empty if the case passes.

    Replaces the tables on the connection.
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
    """Run the detection on the input of `case`; `per_usd` is units of the billing currency for one US dollar."""
    create_input_tables(on, case, file=file)
    inputs = input_of(case, file=file, per_usd=per_usd)
    engine = engine_of_case(on, catalog=catalog, inputs=inputs)
    return run_detection(detection, engine=engine, catalog=catalog, inputs=inputs)


def engine_of_case(
    on: duckdb.DuckDBPyConnection,
    *,
    catalog: Catalog,
    inputs: DetectionInput,
    daily_charges: str | None = None,
) -> DuckDbEngine:
    """Return an engine over the input tables of a case; `daily_charges` replaces the SELECT of that table.

    As on Athena, the computed tables are CTEs: DuckDB binds views when they are created, which takes as long as running
    a statement.
    """
    tables = create_owner_and_computed_local_tables.computed_tables(catalog, values=inputs.values, kept={})
    return DuckDbEngine(on, tables | ({"daily_charges": daily_charges} if daily_charges else {}))


def input_of(case: Case, *, file: CaseFile, per_usd: float = 1.0) -> DetectionInput:
    """Return the parameters of a case; for `per_usd` see `outcome_of`."""
    as_of = case.as_of or file.as_of
    return DetectionInput(
        as_of=as_of,
        first_new_day=case.first_new_day or first_new_day(as_of, evaluated_until=None),
        required_tags=tuple(case.required_tags),
        per_usd=per_usd,
    )


def create_input_tables(on: duckdb.DuckDBPyConnection, case: Case, *, file: CaseFile) -> None:
    """Create the input tables of a case on a connection and insert its rows."""
    charges = [
        _with_charge_defaults(row) for one in case.charges for row in _days(file.charge, one, "charge_date")
    ]
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
    create_owner_and_computed_local_tables.load_owners(on, owners_of(case).tables)


def owners_of(case: Case) -> Owners:
    """Return the owners of a case. Raises CatalogError if they are not a valid owners.toml."""
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


def _agrees(row: Row, expected: Row) -> bool:
    return all(key in row and _same(row[key], value) for key, value in expected.items())


def _same(found: Any, expected: Any) -> bool:
    if expected == "null":  # TOML has no null
        return found is None
    expected = json_value(expected)  # the type that rows of an Outcome have
    if isinstance(expected, float) and isinstance(found, int | float):
        return abs(found - expected) < TOLERANCE
    return bool(found == expected)


def _days(defaults: Row, one: Row, column: str) -> list[Row]:
    given = defaults | one
    row = {key: value for key, value in given.items() if key not in ("days", "weekdays", "growth")}
    if "days" not in given or column in one:
        return [row]
    first, end = given["days"]
    days = [first + timedelta(days=number) for number in range((end - first).days)]
    wanted = given.get("weekdays", range(7))
    rows = [row | {column: day} for day in days if day.weekday() in wanted]
    return [_grown(row, (1 + given.get("growth", 0.0)) ** number) for number, row in enumerate(rows)]


def _hours(defaults: Row, one: Row) -> list[Row]:
    """Return one row for each day and each hour of `hours = [from, to)`; with `token_hour`, one row for each day."""
    rows = _days(defaults, one, "token_date")
    span = None if "token_hour" in one else (defaults | one).get("hours")
    plain = [{key: value for key, value in row.items() if key != "hours"} for row in rows]
    return [row | {"token_hour": hour} for row in plain for hour in range(*span)] if span else plain


def _grown(row: Row, factor: float) -> Row:
    measured = {
        name: row.get(name) for name in ("EffectiveCost", "ConsumedQuantity", "effective_cost", "quantity")
    }
    return row | {name: value * factor for name, value in measured.items() if isinstance(value, int | float)}


def _with_charge_defaults(charge: Row) -> Row:
    effective = charge.get("EffectiveCost", 0)
    period = {
        "billing_period": charge["charge_date"].replace(day=1),
        "charge_last_date": charge["charge_date"],
    }
    usual = {"ProviderName": "AWS", "BillingCurrency": "USD", "ChargeCategory": "Usage", "charges": 1}
    return usual | period | {"BilledCost": effective} | charge


def insert(on: duckdb.DuckDBPyConnection, name: str, shape: dict[str, str], rows: list[Row]) -> None:
    """Insert rows by column name; missing columns are null. Raises CatalogError for an unknown column."""
    for row in rows:
        if unknown := set(row) - set(shape):
            raise CatalogError(f"{name} has no column {', '.join(unknown)}; use one of {', '.join(shape)}.")
    if rows:
        selected = ", ".join(_unnested(type_) for type_ in shape.values())
        on.execute(
            f"INSERT INTO {name} SELECT {selected}",
            [[_value(row.get(column)) for row in rows] for column in shape],
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
