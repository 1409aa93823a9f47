"""Heartbeats are items of the ledger's table: each fits DynamoDB's limit and keeps the counts that the page shows."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.count_findings_and_not_evaluated_for_heartbeats import DetectionSummary
from focuswatch.detect.run_detection_and_check_rows import Outcome
from focuswatch.operations.function_run_heartbeats import Heartbeat, heartbeats, last_detections, record
from tests.given.moto_ledger_table import ledger_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

CATALOG = Catalog.load()
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.fixture
def table() -> Iterator["Table"]:
    with mock_aws():
        yield ledger_table()


def beat(
    function: str, *, failed: dict[str, str] | None = None, detections: tuple[DetectionSummary, ...] = ()
) -> Heartbeat:
    return Heartbeat(
        function=function, run_id="r", ended_at=NOW, seconds=1, failed=failed or {}, detections=detections
    )


def test_heartbeats_beyond_one_page_of_a_query_are_read(table: "Table") -> None:
    """A page of a DynamoDB query has at most 1 MB."""
    for number in range(30):
        record(table, beat(f"f{number}", failed={f"{place}": "x" * 900 for place in range(100)}))
    assert sorted(heartbeats(table)) == sorted(f"f{number}" for number in range(30))


def test_failures_that_do_not_fit_the_item_are_counted(table: "Table") -> None:
    """For example, if every account of an organization denies every service in every Region."""
    refused = {
        f"{account:012d} eu-west-{region}": "explicitly denied " * 12
        for account in range(200)
        for region in range(17)
    }
    record(table, beat("collect", failed=refused))
    record(table, beat("detect", failed={"a": "b"}))
    stored = heartbeats(table)
    assert stored["detect"].failed == {"a": "b"}
    *named, (more, _) = stored["collect"].failed.items()
    assert dict(named).items() <= refused.items()
    assert more == f"{len(refused) - len(named):,} more"
    assert len(named) > 300


def test_counts_of_a_detection_are_kept_until_it_runs_again(table: "Table") -> None:
    """A run of some detections keeps the counts of the other detections."""
    gpu, region = CATALOG.detections["underused_gpu"], CATALOG.detections["new_region"]
    assert last_detections(table, CATALOG) == []
    skipped = ({"monthly_cost": 7.0, "resource_id": "arn:x"}, {"monthly_cost": None})
    first = [Outcome(gpu, not_evaluated=skipped), Outcome(region, error="new_region: no such column")]
    record(table, beat("detect", detections=tuple(last_detections(table, CATALOG, outcomes=first))))
    second = [Outcome(region, rows=({"monthly_cost": 1.0},))]
    record(table, beat("detect", detections=tuple(last_detections(table, CATALOG, outcomes=second))))
    counts = {one.detection: one for one in last_detections(table, CATALOG)}
    assert counts == {
        "underused_gpu": DetectionSummary(
            detection="underused_gpu", not_evaluated=2, not_evaluated_monthly_cost=Decimal("7.00")
        ),
        "new_region": DetectionSummary(detection="new_region", findings=1),
    }


def test_heartbeat_of_an_earlier_version_keeps_its_number_of_findings() -> None:
    """Its JSON has the key `rows` instead of `findings`."""
    stored = DetectionSummary(detection="new_region", findings=3).model_dump(mode="json")
    stored["rows"] = stored.pop("findings")
    assert DetectionSummary.model_validate(stored).findings == 3


def test_counts_of_a_detection_that_left_the_catalog_are_dropped(table: "Table") -> None:
    counts = tuple(DetectionSummary(detection=name) for name in ("underused_gpu", "removed_detection"))
    record(table, beat("detect", detections=counts))
    assert [one.detection for one in last_detections(table, CATALOG)] == ["underused_gpu"]


def test_counts_of_many_failing_detections_fit_the_item(table: "Table") -> None:
    """300 detections have an error of one megabyte each; DynamoDB accepts 400 KB."""
    gpu = CATALOG.detections["underused_gpu"]
    one = DetectionSummary.of(Outcome(gpu, error="é" * 1_000_000))
    record(table, beat("detect", detections=(one,) * 300))
    assert len(heartbeats(table)["detect"].detections) == 300
