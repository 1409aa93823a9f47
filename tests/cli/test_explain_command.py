"""`focuswatch explain`: its table, its JSON and its errors."""

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from moto import mock_aws
from typer.testing import CliRunner

from focuswatch.cli import app
from focuswatch.ledger import SqliteLedger, decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from tests.cli.test_cli import HEADER, focuswatch
from tests.given.explanations import explanation
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding, run

FIRST, INCREASED, END = date(2026, 1, 20), date(2026, 3, 23), date(2026, 3, 29)
INSTANCE = "arn:aws:ec2:us-west-2:111122223333:instance/i-new"


def charge(day: date, meter: str, cost: float, *, service: str = "Amazon EC2", region: str = "us-east-1",
           resource: str = "") -> str:  # fmt: skip
    period, end = day.replace(day=1), day + timedelta(days=1)
    return (
        f"{cost},USD,{period}T00:00:00Z,Usage,{day}T00:00:00Z,{end}T00:00:00Z,24,{cost},{region},{resource},{service},"
        f'{meter},111122223333,"{{}}"\n'
    )


def charges(first: date, end: date) -> str:
    days = [first + timedelta(days=place) for place in range((end - first).days)]
    baseline = [charge(day, "BoxUsage:m5.large", 30.0) for day in days]
    increased = [
        charge(day, "USW2-BoxUsage:p4d.24xlarge", 500.0, region="us-west-2", resource=INSTANCE)
        for day in days
        if day >= INCREASED
    ]
    idle = [charge(day, "USE1-SearchOCU", 5.76, service="Amazon OpenSearch Service") for day in days]
    return "".join([*baseline, *increased, *idle])


@pytest.fixture(scope="module")
def scanned(tmp_path_factory) -> Path:
    """Return a folder with a scanned bill in which GPUs started on the 23rd; its findings are in found.json."""
    folder = tmp_path_factory.mktemp("bill")
    (folder / "bill.csv").write_text(HEADER + charges(FIRST, END))
    output = focuswatch("scan", folder / "bill.csv", "--state", folder / "state", "--format", "json").stdout
    (folder / "found.json").write_text(output)
    return folder


def finding_of(folder: Path, detection: str) -> dict:
    return next(
        one for one in json.loads((folder / "found.json").read_text()) if one["detection"] == detection
    )


def test_a_fingerprint_prefix_names_the_finding(scanned):
    """The table has the cost drivers with their region, and the resources that started on that day."""
    fingerprint = finding_of(scanned, "cost_anomaly")["fingerprint"]
    output = " ".join(focuswatch("explain", fingerprint[:6], "--state", scanned / "state").stdout.split())
    for text in ("BoxUsage:p4d.24xlarge (new)", "us-west-2", "i-new", "Other", "2026-03-23"):
        assert text in output
    assert "Started on 2026-03-23: region us-west-2 (500 USD/day), resource arn:aws:ec2:us-west-2" in output


def test_json_adds_up_and_equals_the_explanation_of_the_finding(scanned):
    """The scan stored the same explanation in the finding."""
    one = finding_of(scanned, "cost_anomaly")
    output = focuswatch(
        "explain", one["fingerprint"], "--state", scanned / "state", "--format", "json"
    ).stdout
    document = json.loads(output)
    assert document.pop("fingerprint") == one["fingerprint"] and document.pop("currency") == "USD"
    assert document == one["explanation"]
    parts = [Decimal(str(part["excess"])) for part in document["parts"]]
    assert sum(parts, Decimal(str(document["others"]))) == Decimal(str(document["excess"]))
    assert document["parts"][0]["resource_id"] == INSTANCE


def test_finding_without_cost_increase_gets_one_sentence(scanned):
    """Waste is a constant cost."""
    fingerprint = finding_of(scanned, "orphaned_opensearch_collection")["fingerprint"]
    done = focuswatch("explain", fingerprint, "--state", scanned / "state", code=2)
    assert f"{fingerprint} (orphaned_opensearch_collection) has no cost increase to explain" in done.stderr
    assert done.stderr.count("\n") == 1 and not done.stdout


@pytest.mark.parametrize(
    ("detection", "instead"), [("budget_pace", "month_forecast"), ("unused_commitment", "findings ")]
)
def test_error_names_the_command_to_run_instead(tmp_path, detection, instead):
    """The amount of budget_pace, for example, is a forecast, which month_forecast shows."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    one = finding(detection=detection)
    ledger.update(lambda entries, suppressions: decide(entries, suppressions, run(one)), evaluated=())
    ledger.close()
    done = CliRunner().invoke(app, ["explain", one.fingerprint, "--ledger", str(tmp_path / "ledger.db")])
    assert "has no cost increase to explain" in str(done.exception) and instead in str(done.exception)


def test_unknown_fingerprint_gets_one_sentence(scanned):
    """The error is the same as that of `focuswatch findings`."""
    done = focuswatch("explain", "ffff", "--state", scanned / "state", code=1)
    assert "No finding matches 'ffff'" in done.stderr


def test_missing_bill_or_days_gets_one_sentence(scanned, tmp_path):
    """The ledger still has the finding, but the bill lacks its days or no longer exists."""
    bill, kept = scanned / "bill.csv", (scanned / "bill.csv").read_text()
    fingerprint = finding_of(scanned, "cost_anomaly")["fingerprint"]
    try:
        bill.write_text(HEADER + charges(FIRST, INCREASED - timedelta(days=40)))
        done = focuswatch("explain", fingerprint, "--state", scanned / "state", code=2)
        assert "contains no charges for finding" in done.stderr and "--export" in done.stderr
        bill.unlink()
        done = focuswatch("explain", fingerprint, "--state", scanned / "state", code=1)
        assert done.stderr.count("focuswatch: ") == 1 and "Traceback" not in done.stderr
    finally:
        bill.write_text(kept)


@pytest.mark.parametrize(("stored", "code"), [(explanation(), 0), (None, 2)])
def test_ledger_of_a_deployment_has_the_stored_explanation(monkeypatch, stored, code):
    """The deployment's bill is not on this machine; the ledger has the explanation with its CloudTrail events."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        table = ledger_table()
        one = finding().model_copy(update={"explanation": stored})
        DynamoLedger(table).update(
            lambda entries, suppressions: decide(entries, suppressions, run(one)), evaluated=()
        )
        command = ["explain", one.fingerprint, "--ledger", f"dynamodb://{table.name}"]
        done = CliRunner().invoke(app, command)
    if code:
        assert "contains no root cause for finding" in str(done.exception)
    else:
        output = " ".join(done.output.split())
        assert "RunInstances in us-west-2 by arn:aws:sts::111122223333:assumed-role/ci/deploy" in output
