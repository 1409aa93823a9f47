"""A detection that states its `ai_families` returns no rows on a bill without their charges."""

import re
from dataclasses import replace
from typing import get_args

import pytest

from focuswatch.authoring.detection_cases import CASES_FOLDER, read_cases, run_case
from focuswatch.authoring.no_rows_without_ai_charges import problems_without_charges
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.catalog.sql_header_models import AiFamily
from focuswatch.detect.skip_detections_of_unbilled_ai_services import SERVICE_NAMES
from focuswatch.engines.duckdb_connection_macros_and_tables import connect

CATALOG = Catalog.load()


@pytest.mark.parametrize(
    ("id", "families"),
    [
        ("idle_sagemaker_endpoint", ["kiro"]),
        ("unit_cost_regression", ["bedrock"]),  # also evaluates SageMaker endpoints
        ("idle_floor_service", ["kendra", "q"]),  # also evaluates OpenSearch domains
        ("abandoned_volume", ["any"]),  # EBS is not an AI service
    ],
)
def test_ai_families_that_omit_a_family_are_reported(id, families):
    """A scan would skip the detection and miss a finding that a test case expects."""
    detection = CATALOG.detections[id]
    wrong = replace(detection, header=detection.header.model_copy(update={"ai_families": families}))
    file, connection = read_cases(CASES_FOLDER / f"{id}.toml"), connect()
    problems = (
        problem
        for case in file.cases
        for arguments in [{"file": file, "detection": wrong, "catalog": CATALOG, "on": connection}]
        for check in (run_case, problems_without_charges)
        for problem in check(case, **arguments)
    )
    assert (
        f"without charges of its ai_families ({', '.join(families)}). A scan skips the detection on such a bill, "
        in next(problems)
    )


def test_every_ai_family_of_the_bill_can_be_stated():
    """A family that is added to daily_charges gets a name, and the key accepts it."""
    sql = CATALOG.tables["daily_charges"].sql
    (cases,) = re.findall(r"CASE\n\s+WHEN NOT coalesce\(.*?END AS ai_family", sql, re.DOTALL)
    on_bill = set(re.findall(r"(?:THEN|ELSE) '(\w+)'", cases))
    assert on_bill | {"any"} == set(get_args(AiFamily)) == SERVICE_NAMES.keys()
