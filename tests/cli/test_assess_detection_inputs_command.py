"""`focuswatch assess` on a bill that has not been scanned before."""

import json
from datetime import date, timedelta

import pytest

from tests.cli.test_cli import HEADER, focuswatch
from tests.cli.test_explain_command import charge, charges

FIRST, END = date(2026, 1, 20), date(2026, 3, 29)
ENDPOINT = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/answers"


@pytest.fixture
def bill(tmp_path):
    days = [FIRST + timedelta(days=place) for place in range((END - FIRST).days)]
    endpoint = [
        charge(day, "USE1-Host:ml.g5.xlarge", 33.8, service="Amazon SageMaker", resource=ENDPOINT)
        for day in days
    ]
    (tmp_path / "bill.csv").write_text(HEADER + charges(FIRST, END) + "".join(endpoint))
    return tmp_path / "bill.csv"


def test_json_lists_each_detection_and_report_with_its_state(bill, tmp_path):
    output = focuswatch("assess", bill, "--state", tmp_path / "state", "--format", "json").stdout
    by_id = {one["id"]: one for one in json.loads(output)}
    assert by_id["new_region"]["state"] == "evaluated"
    assert by_id["new_region"]["findings"] == 1
    assert by_id["idle_sagemaker_endpoint"]["state"] == "not evaluated"
    assert by_id["idle_sagemaker_endpoint"]["not_evaluated"] == 1
    assert by_id["idle_sagemaker_endpoint"]["not_evaluated_monthly_cost"] == pytest.approx(33.8 * 30)
    assert by_id["abandoned_volume"]["state"] == "no charges"
    assert by_id["ai_spend"] == by_id["ai_spend"] | {"kind": "report", "state": "evaluated"}


def test_table_names_the_fix_and_the_detections_that_need_it(bill, tmp_path):
    output = focuswatch("assess", bill, "--state", tmp_path / "state").stdout
    assert "focuswatch scan EXPORT --activity FILE\n   for idle_sagemaker_endpoint, underused_gpu\n" in output
    assert "These detections have no charges to evaluate on this bill: abandoned_volume" in output.replace(
        "\n", " "
    )


def test_assessment_records_no_finding(bill, tmp_path):
    focuswatch("assess", bill, "--state", tmp_path / "state")
    first_scan = focuswatch("scan", bill, "--state", tmp_path / "state", "--format", "json").stdout
    assert {one["status"] for one in json.loads(first_scan)} == {"new"}


def test_missing_export_gets_one_sentence(tmp_path):
    result = focuswatch("assess", tmp_path / "absent", "--state", tmp_path / "state", code=1)
    assert result.stderr.count("\n") == 1
