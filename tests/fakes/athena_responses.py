"""Athena's responses about a query execution: its status, its rows as text, and the types of its columns."""

import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from threading import Event
from typing import Any

from tests.fakes.athena_on_duckdb import StatementError, StatementResult

UNLOAD = re.compile(
    r"\s*UNLOAD\s*\((?P<select>.*)\)\s*TO\s*'(?P<target>s3://[^']+)'\s*WITH\s*\((?P<options>.*)\)[\s;]*",
    re.IGNORECASE | re.DOTALL,
)


@dataclass
class Execution:
    """The state of one query execution, from its submission to its end."""

    statement: str
    workgroup: str
    database: str
    location: str  # of the results, ends with a slash
    cutoff_bytes: int | None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    submitted: float = field(default_factory=time.time)
    completed: float | None = None
    state: str = "QUEUED"
    reason: str = ""
    scanned_bytes: int = 0
    result: StatementResult | None = None
    finished: Event = field(default_factory=Event)

    @property
    def unload(self) -> re.Match[str] | None:
        """The parts of an UNLOAD; None if the statement is a SELECT."""
        return UNLOAD.fullmatch(self.statement)

    def end(self, state: str, reason: str = "") -> None:
        """Set the final state; only the first call has an effect."""
        if not self.finished.is_set():
            self.state, self.reason, self.completed = state, reason, time.time()
            self.finished.set()


def datum(text: str | None) -> dict[str, str]:
    return {} if text is None else {"VarCharValue": text}


def column_info(name: str, type_: str) -> dict[str, Any]:
    digits = re.fullmatch(r"decimal\((\d+),(\d+)\)", type_)
    plain = type_.partition("(")[0]
    info = {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": name,
        "Label": name,
        "Type": plain,
    }
    precision, scale = (int(digits[1]), int(digits[2])) if digits else (0, 0)
    return {**info, "Precision": precision, "Scale": scale, "Nullable": "UNKNOWN", "CaseSensitive": False}


def timeline(execution: Execution) -> dict[str, int]:
    millis = int(((execution.completed or time.time()) - execution.submitted) * 1000)
    return {
        "EngineExecutionTimeInMillis": millis,
        "TotalExecutionTimeInMillis": millis,
        "QueryQueueTimeInMillis": 0,
    }


def query_execution(execution: Execution) -> dict[str, Any]:
    """Return a QueryExecution: https://docs.aws.amazon.com/athena/latest/APIReference/API_QueryExecution.html"""
    unload = execution.unload
    status: dict[str, Any] = {"State": execution.state, "SubmissionDateTime": execution.submitted}
    if execution.completed:
        status["CompletionDateTime"] = execution.completed
    if execution.reason:
        status["StateChangeReason"] = execution.reason
    if execution.state == "FAILED":
        is_internal = execution.reason.startswith("GENERIC_INTERNAL_ERROR")
        status["AthenaError"] = {
            "ErrorCategory": 1 if is_internal else 2,
            "ErrorType": 1 if is_internal else 1301,
            "Retryable": is_internal,
            "ErrorMessage": execution.reason,
        }
    statistics: dict[str, Any] = {"DataScannedInBytes": execution.scanned_bytes, **timeline(execution)}
    if unload and execution.state == "SUCCEEDED":
        statistics["DataManifestLocation"] = f"{execution.location}{execution.id}-manifest.csv"
    return {
        "QueryExecutionId": execution.id,
        "Query": execution.statement,
        "StatementType": "DML",
        "SubstatementType": "UNLOAD" if unload else "SELECT",
        "WorkGroup": execution.workgroup,
        "QueryExecutionContext": {"Database": execution.database, "Catalog": "awsdatacatalog"},
        "ResultConfiguration": {
            "OutputLocation": f"{execution.location}{execution.id}" + ("" if unload else ".csv")
        },
        "EngineVersion": {"EffectiveEngineVersion": "Athena engine version 3"},
        "Status": status,
        "Statistics": statistics,
    }


def refuse_types(result: StatementResult) -> None:
    """Raise StatementError if Athena cannot write a column to Parquet."""
    for place, (name, type_) in enumerate(result.types.items(), start=1):
        if name.startswith("_col"):
            raise StatementError(f"MISSING_COLUMN_NAME: Column name not specified at position {place}")
        if type_ == "unknown":
            raise StatementError(f"COLUMN_TYPE_UNKNOWN: Column type is unknown: {name}")
        if "zone" in type_ or type_.startswith("time("):
            raise StatementError(f"NOT_SUPPORTED: Unsupported Hive type: {type_}")


def texts(result: StatementResult) -> list[list[str | None]]:
    """Return the header and the rows as Athena's CSV files and GetQueryResults write them."""
    columns = [[_text(value) for value in column.to_pylist()] for column in result.rows.columns]
    return [list(result.types), *(list(row) for row in zip(*columns, strict=True))]


def _text(value: object) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03}"
        case date() | Decimal():
            return str(value)
        case dict():
            return "{" + ", ".join(f"{key}={_text(one)}" for key, one in value.items()) + "}"
        case list() if value and all(isinstance(one, tuple) for one in value):
            return _text(dict(value))
        case list():
            return "[" + ", ".join(str(_text(one)) for one in value) + "]"
    return str(value)


def as_csv(result: StatementResult) -> bytes:
    """Return a result as Athena's CSV: every value is quoted, and null is an empty field."""
    quoted = (
        ",".join("" if text is None else '"' + text.replace('"', '""') + '"' for text in row)
        for row in texts(result)
    )
    return "".join(f"{line}\n" for line in quoted).encode()
