"""One detection over the tables: its rows, what it could not judge, how long it took.

A detection that fails says so in its outcome and stops nobody else.
"""

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from focuswatch.catalog.catalog import PER_USD, Catalog, Detection
from focuswatch.engines import Engine, Row
from focuswatch.engines.sql_literals import Value
from focuswatch.errors import FocuswatchError, QueryError
from focuswatch.findings.finding import CONTRACT, fingerprint, json_value

FIRST_NEWS_DAYS = 7  # a first scan tells first charges, bursts and wakings of the last so many days


@dataclass(frozen=True)
class DetectionInput:
    """What every statement of one scan is asked with; `per_usd` is units of the billing currency for one US dollar."""

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
    """What came of asking one detection; with an `error`, `rows` are the findings that are right all the same."""

    detection: Detection
    rows: tuple[Row, ...] = ()
    not_evaluated: tuple[Row, ...] = ()
    seconds: float = 0.0
    error: str | None = None


def first_new_day(as_of: date, *, evaluated_until: date | None) -> date:
    """The first day whose charges are news, given up to where the last scan looked (None: there was none)."""
    week_ago = as_of - timedelta(days=FIRST_NEWS_DAYS)
    return week_ago if evaluated_until is None else min(week_ago, evaluated_until)


def due_detections(
    detections: Iterable[Detection], *, as_of: date, evaluated_until: Mapping[str, date]
) -> list[Detection]:
    """Those whose schedule says so: at every refresh, once for each day of the bill, once for seven."""
    days = {"every_refresh": 0, "daily": 1, "weekly": 7}
    return [
        one
        for one in detections
        if (last := evaluated_until.get(one.id)) is None or (as_of - last).days >= days[one.header.schedule]
    ]


def run_detection(
    detection: Detection, *, engine: Engine, catalog: Catalog, inputs: DetectionInput
) -> Outcome:
    """Run `detection`; never raises for what its file or the engine gets wrong, but says it in `error`."""
    started = time.monotonic()
    try:
        rows = _rows(detection, engine=engine, catalog=catalog, inputs=inputs)
        _refuse_broken(rows, detection)
        rows, absurd = _without_absurd(rows, detection)
        rows = [{key: json_value(value) for key, value in row.items()} for row in rows]
    except FocuswatchError as error:
        return Outcome(detection, seconds=time.monotonic() - started, error=str(error))
    return Outcome(
        detection,
        error=absurd,
        rows=tuple(row for row in rows if not _is_not_evaluated(row)),
        not_evaluated=tuple(row for row in rows if _is_not_evaluated(row)),
        seconds=time.monotonic() - started,
    )


def _is_not_evaluated(row: Row) -> bool:
    """Return whether a row states that its resource could not be evaluated; `nobody_looked` is the old name."""
    return bool(row.get("not_evaluated", row.get("nobody_looked")))


def _rows(detection: Detection, *, engine: Engine, catalog: Catalog, inputs: DetectionInput) -> list[Row]:
    statement = detection.render(inputs.values)
    if detection.header.kind == "series":
        from focuswatch.detect import series_detection  # brings numpy, and only series and forecasts need it

        return series_detection.anomalous_series(
            detection, engine=engine, catalog=catalog, inputs=inputs.values
        )
    if detection.header.pace is not None:
        from focuswatch.detect.forecast import budget_plans

        return budget_plans.pace_rows(
            statement, engine=engine, label=detection.id, inputs=inputs.values, pace=detection.header.pace
        )
    return engine.query(statement, label=detection.id)


def _without_absurd(rows: list[Row], detection: Detection) -> tuple[list[Row], str | None]:
    """The rows whose cost is a number, and a sentence about the others: one of them must not hide the rest."""
    absurd = [row for row in rows if not math.isfinite(row["monthly_cost"] or 0)]
    if not absurd:
        return rows, None
    named = ", ".join(f"{key} {absurd[0].get(key)}" for key in (*CONTRACT[:3], "service_name"))
    return (
        [row for row in rows if not any(row is one for one in absurd)],
        f"{detection.id}: {len(absurd)} findings have a cost that is no number (first: {named}) and are left out; "
        "correct these charges in the export.",
    )


def _refuse_broken(rows: list[Row], detection: Detection) -> None:
    if not rows:
        return
    if missing := [column for column in CONTRACT if column not in rows[0]]:
        raise QueryError(
            f"{detection.id}: its rows lack {', '.join(missing)}; they must have {', '.join(CONTRACT)}."
        )
    seen: set[str] = set()
    for row in rows:
        identity = fingerprint(detection.id, row)
        if identity in seen:
            named = ", ".join(f"{key} {row.get(key)}" for key in (*CONTRACT[:3], "service_name"))
            raise QueryError(f"{detection.id}: two rows for one thing ({named}); expected one row a finding.")
        seen.add(identity)
