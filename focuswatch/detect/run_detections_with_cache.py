"""Run detections on a bill: reuse cached results, and skip detections of services that are not on the bill."""

from collections.abc import Callable, Collection, Mapping
from datetime import date

from focuswatch.catalog.sql_catalog import Catalog, Detection
from focuswatch.detect.ai_services_on_bill import charged_ai_families
from focuswatch.detect.result_cache import ResultCache
from focuswatch.detect.run_detection import DetectionInput, Outcome, engine_of, first_new_day, run_detection
from focuswatch.engines import Engine
from focuswatch.owners.owners_file_and_assignment import Owners


def detection_inputs(
    detections: Collection[Detection],
    *,
    as_of: date,
    evaluated_until: Mapping[str, date],
    owners: Owners,
    per_usd: float,
) -> dict[str, DetectionInput]:
    """Return the input of each detection by id; `evaluated_until` has the day of its last run by id."""
    return {
        detection.id: DetectionInput(
            as_of=as_of,
            first_new_day=first_new_day(as_of, evaluated_until=evaluated_until.get(detection.id)),
            required_tags=tuple(owners.routing.required_tags),
            per_usd=per_usd,
        )
        for detection in detections
    }


def detection_runner(
    detections: Collection[Detection],
    inputs: Mapping[str, DetectionInput],
    *,
    engine: Engine,
    aws_engine: Engine | None,
    catalog: Catalog,
    result_cache: ResultCache | None,
) -> Callable[[Detection], Outcome]:
    """Return a function that returns the outcome of one of `detections`, from the cache or by running the detection.

    `aws_engine` is the engine over AWS charges only, if the bill also has other charges. The AI services on the bill
    are queried once, and only if the cache lacks a result.
    """
    cached = {
        detection.id: result_cache.get(detection, inputs[detection.id].values) if result_cache else None
        for detection in detections
    }
    charged = charged_ai_families(engine, detections=[one for one in detections if not cached[one.id]])

    def outcome_of(detection: Detection) -> Outcome:
        return cached[detection.id] or run_detection(
            detection,
            engine=engine_of(detection, engine=engine, aws_engine=aws_engine),
            catalog=catalog,
            inputs=inputs[detection.id],
            charged=charged,
        )

    return outcome_of
