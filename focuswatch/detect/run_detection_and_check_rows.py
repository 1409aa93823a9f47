"""Run one detection, and return its rows, the resources that it could not evaluate, and its duration.

A failure is part of the outcome and does not stop other detections.
"""

import math
import time
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from focuswatch.catalog.sql_catalog import Catalog, Detection
from focuswatch.detect.detection_placeholder_values import DetectionInput
from focuswatch.detect.skip_detections_of_unbilled_ai_services import services_not_on_bill
from focuswatch.engines import Engine, Row
from focuswatch.errors import FocuswatchError, QueryError
from focuswatch.findings.finding import fingerprint
from focuswatch.findings.finding_from_row import CONTRACT
from focuswatch.findings.value_as_json import json_value

LACKS = "lacks_input"  # column of a row about the whole detection: the data that was not supplied


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
    def not_evaluated_monthly_cost(self) -> Decimal:
        """The monthly cost of the resources that could not be evaluated."""
        return sum((Decimal(str(row.get("monthly_cost") or 0)) for row in self.not_evaluated), Decimal(0))

    @property
    def lacks_input(self) -> str | None:
        """The reason why nothing could be evaluated, such as a file that was not supplied; None if something was."""
        return next((str(row[LACKS]) for row in self.not_evaluated if row.get(LACKS)), None)


def engine_of(providers: Literal["AWS", "all"], *, engine: Engine, aws_engine: Engine | None) -> Engine:
    """Return the engine over the charges of these providers; `aws_engine` is None if all charges are from AWS."""
    return engine if aws_engine is None or providers == "all" else aws_engine


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
        from focuswatch.detect import (
            run_series_detection,  # imports NumPy, which only series and forecasts need
        )

        return run_series_detection.anomalous_series(
            detection, engine=engine, catalog=catalog, inputs=inputs.values
        )
    if detection.header.kind == "forecast":
        assert detection.header.pace is not None
        from focuswatch.detect.forecast.budget_pace_findings import budget_pace_rows

        return budget_pace_rows(
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
        f"the cost is not a finite number (first: {named}). Correct the file that contains these charges, or export "
        "the billing period again.",
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
