"""A detection for services that are not on the bill is not run, and counts as a detection without findings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables
from focuswatch.bill.create_owner_and_computed_local_tables import create_views
from focuswatch.catalog.sql_catalog import Catalog, Detection
from focuswatch.cli.output import scan_tables
from focuswatch.cli.output.next_command_with_ledger_options import NextCommand
from focuswatch.detect.bill_to_scan import BillToScan
from focuswatch.detect.count_findings_and_not_evaluated_for_heartbeats import (
    DetectionSummary,
    summarize_detections,
)
from focuswatch.detect.detection_placeholder_values import DetectionInput
from focuswatch.detect.detection_result_cache import ResultCache
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.detect.scan_result import ScanResult
from focuswatch.detect.skip_detections_of_unbilled_ai_services import (
    CHARGED,
    charged_ai_families,
    not_run_text,
    services_not_on_bill,
)
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.errors import QueryError
from focuswatch.ledger import SqliteLedger, decide
from focuswatch.owners.owners_file import Owners
from tests.given.one_line_findings import finding, run
from tests.given.statements_of_scan import statements_of_scan

DAY = date(2026, 4, 10)
CATALOG = Catalog.load()
RUN = ("idle_sagemaker_endpoint", "idle_ai_seat", "gpu_burst", "new_region", "realtime_batchable")
EC2 = {"SubAccountId": "111122223333", "ServiceName": "Amazon EC2", "EffectiveCost": 1.0}
GPU = {"ServiceName": "Amazon Elastic Compute Cloud - Compute", "SkuMeter": "BoxUsage:p4d.24xlarge"}
SAGEMAKER = {"ServiceName": "Amazon SageMaker", "SkuMeter": "USE1-Host:ml.m5.large"}
SAGEMAKER_GPU = {"ServiceName": "Amazon SageMaker", "SkuMeter": "USE1-Host:ml.g5.xlarge"}
MARKETPLACE = {"ServiceName": "Claude 3 (Amazon Bedrock Edition)", "SkuMeter": "USE1-MP:USE1_InputTokenCount"}
OPENAI = {"ProviderName": "OpenAI", "ServiceCategory": "AI and Machine Learning", "SkuMeter": "gpt-4o, input"}


@dataclass
class CountingEngine:
    """A DuckDB engine that records the label of each statement."""

    engine: DuckDbEngine
    labels: list[str] = field(default_factory=list)
    refuses: str = ""
    name: str = "duckdb"
    at_once: int = 1

    def query(self, statement: str, *, label: str) -> list[dict[str, Any]]:
        self.labels.append(label)
        if self.refuses == label:
            raise QueryError(f"{label}: no such table")
        return self.engine.query(statement, label=label)


@pytest.fixture
def bill_of() -> Callable[..., CountingEngine]:
    """Return a function that creates a bill with EC2 charges and the passed charges on every day before DAY."""

    def make(*charges: dict[str, object]) -> CountingEngine:
        connection = connect()
        days = [DAY - timedelta(days=back) for back in range(1, 20)]
        rows = [{**EC2, **charge, "charge_date": day} for charge in ({}, *charges) for day in days]
        file = CaseFile.model_construct(as_of=DAY, charge={}, activity_row={}, cases=[])
        create_input_tables(connection, Case(name="a small bill", kind="quiet", charges=rows), file=file)
        values = DetectionInput(as_of=DAY, first_new_day=DAY).values
        statements = [CHARGED, *statements_of_scan(CATALOG, *RUN)]
        create_views(connection, CATALOG, values=values, statements=statements)
        return CountingEngine(DuckDbEngine(connection))

    return make


def scanned(
    engine: CountingEngine, *ids: str, at: Path, detections: Sequence[Detection] = (), **more: Any
) -> ScanResult:
    return scan(
        BillToScan(engine, as_of=DAY, currency="USD"),
        catalog=CATALOG,
        owners=Owners(),
        progress=lambda _text: None,
        detections=detections or [CATALOG.detection(id) for id in ids],
        ledger=SqliteLedger(at / "ledger.db"),
        **more,
    )


@pytest.mark.parametrize(
    ("charges", "families"),
    [
        ((), set()),
        ((GPU,), {"any", "gpu"}),
        ((SAGEMAKER,), {"any", "sagemaker"}),
        ((SAGEMAKER_GPU,), {"any", "sagemaker", "gpu"}),
        ((MARKETPLACE, OPENAI), {"any", "bedrock", "model_api"}),
        (({"ServiceName": "Renamed", "x_ServiceCode": "AmazonKendra"},), {"any", "kendra"}),
    ],
)
def test_ai_families_follow_from_the_charges(bill_of, charges, families):
    """Under any service name and for all providers."""
    assert charged_ai_families(bill_of(*charges), detections=CATALOG.enabled) == families


def test_detection_is_not_run_only_without_charges_of_each_of_its_families():
    """A detection that states no families always runs, and every detection runs if the bill's families are unknown."""
    gpus, units, region = (
        CATALOG.detection(id) for id in ("gpu_burst", "unit_cost_regression", "new_region")
    )
    assert services_not_on_bill(gpus, charged={"any", "bedrock"}) == ("GPU instances",)
    assert services_not_on_bill(gpus, charged={"any", "gpu"}) == ()
    assert services_not_on_bill(units, charged={"any", "sagemaker"}) == ()
    assert services_not_on_bill(region, charged=set()) == ()
    assert services_not_on_bill(gpus, charged=None) == ()


def test_scan_runs_one_statement_instead_of_detections_without_charges(bill_of, tmp_path):
    """The open findings are resolved and the state advances, as if the detections had run and found nothing."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    previous = finding("idle_sagemaker_endpoint", account="111122223333", on=date(2026, 4, 1))
    ledger.update(
        lambda entries, suppressions: decide(entries, suppressions, run(previous, on=previous.as_of)),
        evaluated=(),
    )
    engine = bill_of(GPU)
    result = scanned(
        engine, "idle_sagemaker_endpoint", "idle_ai_seat", "gpu_burst", "new_region", at=tmp_path
    )
    assert engine.labels.count("services on the bill") == 1
    assert {"gpu_burst", "new_region"} <= set(engine.labels)
    assert not {"idle_sagemaker_endpoint", "idle_ai_seat"} & set(engine.labels)
    assert not result.failures and not result.not_run
    assert (
        "Not run: 2 detections for services that are not on the bill (Amazon SageMaker AI, Kiro)."
        in scan_tables._limits(result, next_command=NextCommand())
    )
    assert ledger.entries()[previous.fingerprint].state == "resolved"
    assert ledger.evaluated_until() == {outcome.detection.id: DAY for outcome in result.outcomes}


def test_scan_without_ai_detections_does_not_query_services(bill_of, tmp_path):
    """`--only` with a detection for all services runs no additional statement."""
    engine = bill_of()
    scanned(engine, "new_region", at=tmp_path)
    assert "services on the bill" not in engine.labels


def test_every_detection_runs_if_the_services_are_unknown(bill_of, tmp_path):
    """A failed services statement must not hide a finding."""
    engine = bill_of()
    engine.refuses = "services on the bill"
    result = scanned(engine, "gpu_burst", "idle_ai_seat", at=tmp_path)
    assert {"gpu_burst", "idle_ai_seat"} <= set(engine.labels)
    assert not result.failures and not any(one.services_not_on_bill for one in result.outcomes)


def test_second_scan_of_the_same_bill_uses_the_cached_services(bill_of, tmp_path):
    """From the result cache, without a statement. A detection with other families in its header is not cached yet."""
    detection = CATALOG.detection("idle_ai_seat")
    gpu_detection = replace(detection, header=detection.header.model_copy(update={"ai_families": ["gpu"]}))
    engine = bill_of(GPU)

    def scan_again(one: Detection) -> tuple[str, ...]:
        cache = ResultCache(tmp_path / "answers.json", digest="the same bill")
        engine.labels.clear()
        (outcome,) = scanned(engine, at=tmp_path, detections=[one], result_cache=cache).outcomes
        return outcome.services_not_on_bill

    assert scan_again(detection) == ("Kiro",) and "services on the bill" in engine.labels
    assert scan_again(detection) == ("Kiro",)
    assert not {"services on the bill", "idle_ai_seat"} & set(engine.labels)
    assert scan_again(gpu_detection) == () and "idle_ai_seat" in engine.labels


def test_summaries_of_an_open_bill_state_the_services(bill_of):
    """The page and the MCP server show the same services as a scan, and they are stored with a heartbeat."""
    engine = bill_of(MARKETPLACE)
    catalog = replace(
        CATALOG, detections={id: CATALOG.detection(id) for id in ("idle_ai_seat", "realtime_batchable")}
    )
    summaries = summarize_detections(
        engine,
        as_of=DAY,
        catalog=catalog,
        owners=Owners(),
        result_cache=None,
        evaluated_until={},
        per_usd=1.0,
    )
    assert [one.services_not_on_bill for one in summaries] == [("Kiro",), ()]
    assert engine.labels == ["services on the bill", "realtime_batchable"]
    kept = DetectionSummary.model_validate_json(summaries[0].model_dump_json())
    assert kept == summaries[0]


def test_text_names_each_service_once_and_not_those_of_a_bill_without_ai():
    """A bill without any AI charges says "AI services" instead of a list of every AI service."""
    one, two, every = ("Kiro",), ("Kiro", "Amazon Bedrock"), ("AI services",)
    assert not_run_text([(), ()]) is None
    assert not_run_text([one, ()]) == "1 detection for services that are not on the bill (Kiro)"
    assert not_run_text([two, one]) == (
        "2 detections for services that are not on the bill (Amazon Bedrock, Kiro)"
    )
    assert not_run_text([every, two]) == "2 detections for services that are not on the bill (AI services)"
