"""Run detections on a bill: reuse cached results, and skip detections of services that are not on the bill."""

from collections.abc import Callable, Collection, Mapping

from focuswatch.catalog.sql_catalog import Catalog, Detection
from focuswatch.detect.detection_placeholder_values import DetectionInput
from focuswatch.detect.detection_result_cache import ResultCache
from focuswatch.detect.run_detection_and_check_rows import Outcome, engine_of, run_detection
from focuswatch.detect.skip_detections_of_unbilled_ai_services import charged_ai_families
from focuswatch.engines import Engine


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
            engine=engine_of(detection.header.providers, engine=engine, aws_engine=aws_engine),
            catalog=catalog,
            inputs=inputs[detection.id],
            charged=charged,
        )

    return outcome_of
