"""Heartbeats: the result of the last run of each Lambda function, one item each in the ledger table.

A function that stopped running writes no heartbeat, so the health report and `focuswatch doctor` look for missing ones.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.count_findings_and_not_evaluated_for_heartbeats import DetectionSummary
from focuswatch.detect.run_detection_and_check_rows import Outcome
from focuswatch.ledger.dynamodb_pages import of_kind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

# The maximum hours between completed runs of a function. The alarms in infra/cloudwatch_alarms_and_dashboard.py use the
# same limits.
MAX_HOURS_BETWEEN_RUNS = {
    "refresh": 30,
    "collect": 30,
    "detect": 30,
    "hourly": 3,
    "publish": 2,
    "page": 30,
    "pulse": 30,
    "sweep": 30,
    "fetch": 30,
    "bills": 30,
}
# The maximum size of stored failures. If a large organization denies access, all failures together exceed 400 KB, the
# maximum size of an item in DynamoDB.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
FAILED_BYTES = 100_000


class Heartbeat(BaseModel):
    """The result of one run of one Lambda function."""

    model_config = ConfigDict(frozen=True)
    function: str  # refresh, collect, detect, …
    run_id: str
    ended_at: datetime  # UTC
    seconds: float
    ran: tuple[str, ...] = ()  # billing periods, detections or accounts, depending on the function
    failed: dict[str, str] = {}  # the reason for each billing period, detection or account that failed
    as_of: date | None = None
    data_age_hours: float | None = None  # hours since the newest delivery
    scanned_bytes: int = 0
    notified: int = Field(
        default=0, validation_alias=AliasChoices("notified", "told"), serialization_alias="told"
    )
    doubts: tuple[str, ...] = ()  # reasons why no finding may be resolved
    warnings: tuple[str, ...] = ()  # problems that do not prevent resolving findings, such as skipped input
    # Only of `detect`: the counts of each detection's last run, which can be an earlier run than this one.
    detections: tuple[DetectionSummary, ...] = ()


def record(table: "Table", heartbeat: Heartbeat) -> None:
    """Store the heartbeat in the ledger table, in place of the function's previous one."""
    stored = heartbeat.model_copy(update={"failed": _fitting(heartbeat.failed)})
    document = stored.model_dump_json(by_alias=True)
    table.put_item(Item={"kind": "heartbeat", "id": stored.function, "document": document})


def _fitting(failed: Mapping[str, str]) -> dict[str, str]:
    """Return the failures that fit into FAILED_BYTES, and an entry with the number of the others."""
    fitting: dict[str, str] = {}
    left = FAILED_BYTES
    for name, reason in failed.items():
        left -= len(json.dumps([name, reason]))
        if left < 0:
            return fitting | {f"{len(failed) - len(fitting):,} more": "see the function's log"}
        fitting[name] = reason
    return fitting


def heartbeats(table: "Table") -> dict[str, Heartbeat]:
    """Return the last heartbeat of each function that has run."""
    return {
        str(item["id"]): Heartbeat.model_validate_json(str(item["document"]))
        for item in of_kind(table, "heartbeat")
    }


def last_detections(
    table: "Table", catalog: Catalog, *, outcomes: Iterable[Outcome] = ()
) -> list[DetectionSummary]:
    """Return the counts of each live detection's last run; `outcomes` of the current run replace stored counts."""
    beat = heartbeats(table).get("detect")
    counts = {summary.detection: summary for summary in beat.detections} if beat else {}
    counts |= {outcome.detection.id: DetectionSummary.of(outcome) for outcome in outcomes}
    return [counts[detection.id] for detection in catalog.enabled if detection.id in counts]
