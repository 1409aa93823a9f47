"""Count findings and resources that were not evaluated for each live detection, over an open bill."""

from collections.abc import Mapping
from datetime import date

from focuswatch.catalog.sql_catalog import Catalog, Detection
from focuswatch.detect.detection_summary import DetectionSummary
from focuswatch.detect.result_cache import ResultCache
from focuswatch.detect.run_detection import DetectionInput, Outcome, engine_of, first_new_day, run_detection
from focuswatch.engines import Engine
from focuswatch.owners.owners_file import Owners


def summarize_detections(
    engine: Engine,
    *,
    as_of: date,
    catalog: Catalog,
    owners: Owners,
    result_cache: ResultCache | None,
    evaluated_until: Mapping[str, date],
    per_usd: float,
    aws_engine: Engine | None = None,
) -> tuple[DetectionSummary, ...]:
    """Return the counts of each live detection, which runs only if the cache lacks its results.

    `aws_engine` is that over AWS charges only, where there are others.
    """

    def outcome(detection: Detection) -> Outcome:
        detection_input = DetectionInput(
            as_of=as_of,
            first_new_day=first_new_day(as_of, evaluated_until=evaluated_until.get(detection.id)),
            required_tags=tuple(owners.routing.required_tags),
            per_usd=per_usd,
        )
        on = engine_of(detection, engine=engine, aws_engine=aws_engine)
        cached = result_cache.get(detection, detection_input.values) if result_cache else None
        return cached or run_detection(detection, engine=on, catalog=catalog, inputs=detection_input)

    return tuple(DetectionSummary.of(outcome(detection)) for detection in catalog.live)
