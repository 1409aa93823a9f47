"""Run one detection, and return its rows, the resources that it could not evaluate, and its duration.

A failure is part of the outcome and does not stop other detections.
"""

import math
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from focuswatch.catalog.sql_catalog import PER_USD, Catalog, Detection
from focuswatch.detect.ai_services_on_bill import services_not_on_bill
from focuswatch.engines import Engine, Row
from focuswatch.engines.sql_values import Value
from focuswatch.errors import FocuswatchError, QueryError
from focuswatch.findings.finding import fingerprint
from focuswatch.findings.finding_from_row import CONTRACT
from focuswatch.findings.value_as_json import json_value

LACKS = "lacks_input"  # column of a row about the whole detection: the data that was not supplied
FIRST_SCAN_DAYS = 7  # most recent days of which a first scan reports first charges, spikes and reactivations


@dataclass(frozen=True)
class DetectionInput:
    """The parameters of a detection's run; `per_usd` is units of the billing currency for one US dollar."""

    as_of: date
    first_new_day: date
    required_tags: tuple[str, ...] = ("team",)
    per_usd: float = 1.0

    @property
    def values(self) -> dict[str, Value]:
        """The built-in placeholders, and the rate at which parameters in USD are converted."""
        return {
            "as_of": self.as_of,
            "news_since": self.first_new_day,
            "required_tags": list(self.required_tags),
            PER_USD: self.per_usd,
        }


@dataclass(frozen=True)
class Outcome:
    """The result of running one detection; if there is an `error`, `rows` are the findings that are still valid.

    If `services_not_on_bill` is not empty, the detection did not run, because it returns no rows without charges for
    these services.
    """

    detection: Detection
    rows: tuple[Row, ...] = ()
    not_evaluated: tuple[Row, ...] = ()
    seconds: float = 0.0
    error: str | None = None
    services_not_on_bill: tuple[str, ...] = ()

    @property
    def lacks_input(self) -> str | None:
        """The reason why nothing could be evaluated, such as a file that was not supplied; None if something was."""
        return next((str(row[LACKS]) for row in self.not_evaluated if row.get(LACKS)), None)


def engine_of(detection: Detection, *, engine: Engine, aws_engine: Engine | None) -> Engine:
    """Return the engine on which a detection runs: over all charges, or only AWS charges (None: all are from AWS)."""
    return engine if aws_engine is None or detection.header.providers == "all" else aws_engine


def first_new_day(as_of: date, *, evaluated_until: date | None) -> date:
    """Return the first day whose charges count as new, given the last scan's `as_of` (None if there was no scan)."""
    week_ago = as_of - timedelta(days=FIRST_SCAN_DAYS)
    return week_ago if evaluated_until is None else min(week_ago, evaluated_until)


def run_detection(
    detection: Detection,
    *,
    engine: Engine,
    catalog: Catalog,
    inputs: DetectionInput,
    charged: Collection[str] | None = None,
) -> Outcome:
    """Run `detection`. Errors of its file or of the engine do not raise; they become the outcome's `error`.

    `charged` are the AI families on the bill. The detection does not run if it declares AI families and none of them is
    charged. If `charged` is None, it always runs.
    """
    if absent := services_not_on_bill(detection, charged=charged):
        return Outcome(detection, services_not_on_bill=absent)
    started = time.monotonic()
    try:
        rows = _rows(detection, engine=engine, catalog=catalog, inputs=inputs)
        _check_contract(rows, detection)
        rows, invalid = _without_invalid_costs(rows, detection)
        rows = [{key: json_value(value) for key, value in row.items()} for row in rows]
    except FocuswatchError as error:
        return Outcome(detection, seconds=time.monotonic() - started, error=str(error))
    return Outcome(
        detection,
        error=invalid,
        rows=tuple(row for row in rows if not _is_not_evaluated(row)),
        not_evaluated=tuple(row for row in rows if _is_not_evaluated(row)),
        seconds=time.monotonic() - started,
    )


def _is_not_evaluated(row: Row) -> bool:
    """Return whether a row states that its resource could not be evaluated; `nobody_looked` is the old column name."""
    return bool(row.get("not_evaluated", row.get("nobody_looked")))


def _rows(detection: Detection, *, engine: Engine, catalog: Catalog, inputs: DetectionInput) -> list[Row]:
    statement = detection.render(inputs.values)
    if detection.header.kind == "series":
        from focuswatch.detect import series_detection  # imports NumPy, which only series and forecasts need

        return series_detection.anomalous_series(
            detection, engine=engine, catalog=catalog, inputs=inputs.values
        )
    if detection.header.kind == "forecast":
        assert detection.header.pace is not None
        from focuswatch.detect.forecast import forecast_vs_budget

        return forecast_vs_budget.pace_rows(
            statement, engine=engine, label=detection.id, inputs=inputs.values, pace=detection.header.pace
        )
    return engine.query(statement, label=detection.id)


def _without_invalid_costs(rows: list[Row], detection: Detection) -> tuple[list[Row], str | None]:
    """Return the rows whose cost is a finite number, and an error about the others, which must not hide the rest."""
    invalid = [row for row in rows if not math.isfinite(row["monthly_cost"] or 0)]
    if not invalid:
        return rows, None
    named = ", ".join(f"{key} {invalid[0].get(key)}" for key in (*CONTRACT[:3], "service_name"))
    return (
        [row for row in rows if not any(row is other for other in invalid)],
        f"{detection.id}: {len(invalid)} {'finding was' if len(invalid) == 1 else 'findings were'} omitted, because "
        f"the cost is not a finite number (first: {named}). Correct these charges in the export.",
    )


def _check_contract(rows: list[Row], detection: Detection) -> None:
    if not rows:
        return
    if missing := [column for column in CONTRACT if column not in rows[0]]:
        raise QueryError(
            f"{detection.id}: the query does not return {', '.join(missing)}. Required columns: {', '.join(CONTRACT)}."
        )
    fingerprints: set[str] = set()
    for row in rows:
        identity = fingerprint(detection.id, row)
        if identity in fingerprints:
            named = ", ".join(f"{key} {row.get(key)}" for key in (*CONTRACT[:3], "service_name"))
            raise QueryError(
                f"{detection.id}: found two rows for {named}, expected one row per finding; group the rows."
            )
        fingerprints.add(identity)
