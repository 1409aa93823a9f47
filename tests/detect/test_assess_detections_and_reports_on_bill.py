"""An assessment names the inputs that a bill lacks for a detection, and none if the detection fires on the bill."""

from datetime import date

import pytest

from focuswatch.authoring.check_catalog_sql_and_cases import sql_and_column_problems
from focuswatch.authoring.detection_cases import CASES_FOLDER, Case, CaseFile, create_input_tables, read_cases
from focuswatch.bill import create_owner_and_computed_local_tables
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.assess_detections_and_reports_on_bill import Assessment, assess_input
from focuswatch.detect.missing_inputs_and_how_to_provide_them import COLLECT, bill_facts
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.owners.owners_file import Owners

CATALOG = Catalog.load()
ENTRIES = [*CATALOG.enabled, *CATALOG.reports.values()]
JUNE = [date(2026, 6, 1), date(2026, 6, 30)]
EVERYTHING = Owners.model_validate(
    {
        "teams": {"ml": {"channel": "#ml", "monthly_budget": 100}},
        "use_cases": {"trial": {"team": "ml", "intent": "experiment", "cap": 10}},
    }
)


def assessment_of(id: str, case: Case, *, file: CaseFile, owners: Owners = EVERYTHING) -> Assessment:
    connection = connect()
    as_of = case.as_of or file.as_of
    create_input_tables(connection, case, file=file)
    create_owner_and_computed_local_tables.create_views(connection, CATALOG, values={"as_of": as_of})
    facts = bill_facts(DuckDbEngine(connection), entries=ENTRIES, owners=owners)
    entry = CATALOG.detections.get(id) or CATALOG.reports[id]
    return assess_input(entry, facts=facts, as_of=as_of, kind="detection")


def case_of(**rows) -> dict:
    case = Case(name="given charges", kind="quiet", **rows)
    return {
        "case": case,
        "file": CaseFile.model_construct(charge={"SubAccountId": "1"}, activity_row={}, as_of=JUNE[1]),
    }


@pytest.mark.parametrize("id", CATALOG.detections)
def test_bill_on_which_a_detection_fires_has_charges_for_it(id):
    """`no charges` would tell users to ignore a detection that has findings."""
    file = read_cases(CASES_FOLDER / f"{id}.toml")
    firing = [case for case in file.cases if case.kind == "fires"][:2]
    assert firing
    states = {case.name: assessment_of(id, case, file=file) for case in firing}
    assert {name: one.reasons for name, one in states.items() if one.state == "no charges"} == {}


def test_bill_without_gpu_has_no_charges_for_gpu_detections():
    storage = {"days": JUNE, "SkuMeter": "USE1-TimedStorage-ByteHrs", "ServiceName": "Amazon S3"}
    assert assessment_of("underused_gpu", **case_of(charges=[storage])).state == "no charges"


def test_missing_activity_names_the_command_that_collects_it():
    endpoint = {
        "days": JUNE,
        "SkuMeter": "USE1-Host:ml.g5.xlarge",
        "ServiceName": "Amazon SageMaker",
        "x_ServiceCode": "AmazonSageMaker",
        "ResourceId": "arn:aws:sagemaker:us-east-1:1:endpoint/a",
    }
    one = assessment_of("idle_sagemaker_endpoint", **case_of(charges=[endpoint]))
    assert (one.state, one.fixes) == ("not evaluated", (COLLECT,))
    assert one.runs  # the detection still counts the endpoints


def test_reason_names_missing_resource_ids():
    endpoint = {
        "days": JUNE,
        "SkuMeter": "USE1-Host:ml.g5.xlarge",
        "ServiceName": "Amazon SageMaker",
        "x_ServiceCode": "AmazonSageMaker",
        "ResourceId": None,
    }
    one = assessment_of("idle_sagemaker_endpoint", **case_of(charges=[endpoint]))
    assert one.reasons[0] == "ResourceId is empty in all charges that this detection evaluates"
    assert not one.runs


def test_short_history_names_the_day_from_which_to_scan():
    one = assessment_of("cost_anomaly", **case_of(charges=[{"days": JUNE}]))
    # Of the 29 days before 30 June, the last two are not settled.
    assert one.reasons == ("this detection needs 28 days of history, but the bill has 27 complete days",)
    assert one.fixes == ("Scan again on 2026-07-01 or later, or add older files to the export.",)


def test_missing_budget_names_the_setting():
    one = assessment_of("budget_pace", **case_of(charges=[{"days": JUNE}]), owners=Owners())
    assert one.reasons == ("owners.toml has no team or use case with monthly_budget",)


def test_needs_of_the_catalog_are_conditions_on_charges():
    assert [
        problem
        for problem in sql_and_column_problems(CATALOG, CATALOG.detections.values())
        if "[needs]" in problem
    ] == []
