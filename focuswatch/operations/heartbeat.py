"""What a run says of itself at its end: silence is never the sign of health."""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from focuswatch.catalog.catalog import Catalog
from focuswatch.detect.detection_summary import DetectionSummary
from focuswatch.detect.run_detection import Outcome
from focuswatch.ledger.dynamodb_pages import of_kind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

# For how long a function may be silent, as the alarms on missed runs have it (infra/watch.py).
SILENT_HOURS = {
    "refresh": 30,
    "collect": 30,
    "detect": 30,
    "publish": 2,
    "page": 30,
    "pulse": 30,
    "sweep": 30,
}
# Of what failed, so much is kept: DynamoDB takes no item of more than 400 KB, and a refusing organisation has more.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
FAILED_BYTES = 100_000


class Heartbeat(BaseModel):
    """The end of one run of one Lambda."""

    model_config = ConfigDict(frozen=True)
    function: str  # refresh, collect, detect, publish
    run_id: str
    ended_at: datetime  # UTC
    seconds: float
    ran: tuple[str, ...] = ()  # billing periods, detections, accounts: whatever the function goes through
    failed: dict[str, str] = {}  # the same, with a sentence each
    as_of: date | None = None
    data_age_hours: float | None = None  # since the newest delivery
    scanned_bytes: int = 0
    told: int = 0  # news that went out
    doubts: tuple[str, ...] = ()  # why nothing may be resolved
    warnings: tuple[str, ...] = ()  # what was left out and is nobody's fault
    detections: tuple[
        DetectionSummary, ...
    ] = ()  # of `detect`: the last run of each, in this run or before it


def record(table: "Table", heartbeat: Heartbeat) -> None:
    """Keep the last heartbeat of its function in the ledger's table."""
    kept = heartbeat.model_copy(update={"failed": _fitting(heartbeat.failed)})
    table.put_item(Item={"kind": "heartbeat", "id": kept.function, "document": kept.model_dump_json()})


def _fitting(failed: Mapping[str, str]) -> dict[str, str]:
    """What there is room for, and how many there is none for."""
    kept: dict[str, str] = {}
    room = FAILED_BYTES
    for what, why in failed.items():
        room -= len(json.dumps([what, why]))
        if room < 0:
            return kept | {f"{len(failed) - len(kept):,} more": "its log names them"}
        kept[what] = why
    return kept


def heartbeats(table: "Table") -> dict[str, Heartbeat]:
    """The last heartbeat of every function that ever ran."""
    return {
        str(one["id"]): Heartbeat.model_validate_json(str(one["document"]))
        for one in of_kind(table, "heartbeat")
    }


def last_detections(
    table: "Table", catalog: Catalog, *, outcomes: Iterable[Outcome] = ()
) -> list[DetectionSummary]:
    """Return the counts of the last run of each live detection that has run; `outcomes` are of the current run."""
    beat = heartbeats(table).get("detect")
    counts = {one.detection: one for one in beat.detections} if beat else {}
    counts |= {one.detection.id: DetectionSummary.of(one) for one in outcomes}
    return [counts[one.id] for one in catalog.live if one.id in counts]
