"""Count findings and resources that were not evaluated for each live detection, over an open bill."""

from collections.abc import Mapping
from datetime import date

from focuswatch.catalog.sql_catalog import Catalog, Detection
from focuswatch.detect.detection_summary import DetectionSummary
from focuswatch.detect.result_cache import ResultCache
from focuswatch.detect.run_detection import DetectionInput, Outcome, engine_of, first_new_day, run_detection
from focuswatch.detect.services_on_bill import charged_ai_families
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

    inputs = {
        detection.id: DetectionInput(
            as_of=as_of,
            first_new_day=first_new_day(as_of, evaluated_until=evaluated_until.get(detection.id)),
            required_tags=tuple(owners.routing.required_tags),
            per_usd=per_usd,
        )
        for detection in catalog.live
    }
    cached = {
        detection.id: result_cache.get(detection, inputs[detection.id].values) if result_cache else None
        for detection in catalog.live
    }
    charged = charged_ai_families(engine, detections=[one for one in catalog.live if not cached[one.id]])

    def outcome(detection: Detection) -> Outcome:
        on = engine_of(detection, engine=engine, aws_engine=aws_engine)
        return cached[detection.id] or run_detection(
            detection, engine=on, catalog=catalog, inputs=inputs[detection.id], charged=charged
        )

    return tuple(DetectionSummary.of(outcome(detection)) for detection in catalog.live)
