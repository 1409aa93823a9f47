"""`focuswatch explain` as a person or a program uses it."""

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
from tests.given.findings import finding, run
from tests.given.ledger import ledger_table

FIRST, RISEN, END = date(2026, 1, 20), date(2026, 3, 23), date(2026, 3, 29)
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
    usual = [charge(day, "BoxUsage:m5.large", 30.0) for day in days]
    risen = [
        charge(day, "USW2-BoxUsage:p4d.24xlarge", 500.0, region="us-west-2", resource=INSTANCE)
        for day in days
        if day >= RISEN
    ]
    idle = [charge(day, "USE1-SearchOCU", 5.76, service="Amazon OpenSearch Service") for day in days]
    return "".join([*usual, *risen, *idle])


@pytest.fixture(scope="module")
def scanned(tmp_path_factory) -> Path:
    """A folder with a bill in which GPUs began on the 23rd, scanned; what was found is in found.json."""
    folder = tmp_path_factory.mktemp("bill")
    (folder / "bill.csv").write_text(HEADER + charges(FIRST, END))
    told = focuswatch("scan", folder / "bill.csv", "--state", folder / "state", "--format", "json").stdout
    (folder / "found.json").write_text(told)
    return folder


def found(folder: Path, detection: str) -> dict:
    return next(
        one for one in json.loads((folder / "found.json").read_text()) if one["detection"] == detection
    )


def test_why_is_told_by_the_beginning_of_a_fingerprint(scanned):
    """What rose, where, what began that day; as a table."""
    fingerprint = found(scanned, "cost_anomaly")["fingerprint"]
    told = " ".join(focuswatch("explain", fingerprint[:6], "--state", scanned / "state").stdout.split())
    for said in ("BoxUsage:p4d.24xlarge (new)", "us-west-2", "i-new", "everything else", "2026-03-23"):
        assert said in told
    assert "Started that day: region us-west-2 (500.00/day), resource arn:aws:ec2:us-west-2" in told


def test_json_adds_up_and_is_what_the_finding_was_told_with(scanned):
    """The scan put the same into its finding."""
    one = found(scanned, "cost_anomaly")
    told = focuswatch("explain", one["fingerprint"], "--state", scanned / "state", "--format", "json").stdout
    asked = json.loads(told)
    assert asked.pop("fingerprint") == one["fingerprint"] and asked.pop("currency") == "USD"
    assert asked == one["explanation"]
    parts = [Decimal(str(part["excess"])) for part in asked["parts"]]
    assert sum(parts, Decimal(str(asked["others"]))) == Decimal(str(asked["excess"]))
    assert asked["parts"][0]["resource_id"] == INSTANCE


def test_what_has_no_excess_gets_a_sentence(scanned):
    """Waste costs what it always cost."""
    fingerprint = found(scanned, "orphaned_opensearch_collection")["fingerprint"]
    done = focuswatch("explain", fingerprint, "--state", scanned / "state", code=2)
    assert f"{fingerprint} has no excess to explain (orphaned_opensearch_collection)" in done.stderr
    assert done.stderr.count("\n") == 1 and not done.stdout


@pytest.mark.parametrize(
    ("detection", "instead"), [("budget_pace", "month_forecast"), ("unused_commitment", "findings ")]
)
def test_what_is_asked_instead_depends_on_the_finding(tmp_path, detection, instead):
    """A plan's money is still to come."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    one = finding(detection=detection)
    ledger.update(lambda entries, silences: decide(entries, silences, run(one)), evaluated=())
    ledger.close()
    done = CliRunner().invoke(app, ["explain", one.fingerprint, "--ledger", str(tmp_path / "ledger.db")])
    assert "has no excess to explain" in str(done.exception) and instead in str(done.exception)


def test_a_finding_nobody_knows_gets_a_sentence(scanned):
    """As `findings` says it."""
    done = focuswatch("explain", "ffff", "--state", scanned / "state", code=1)
    assert "'ffff' names 0 findings" in done.stderr


def test_a_bill_that_is_gone_or_no_longer_has_the_days_gets_a_sentence(scanned, tmp_path):
    """The ledger still knows the finding."""
    bill, kept = scanned / "bill.csv", (scanned / "bill.csv").read_text()
    fingerprint = found(scanned, "cost_anomaly")["fingerprint"]
    try:
        bill.write_text(HEADER + charges(FIRST, RISEN - timedelta(days=40)))
        done = focuswatch("explain", fingerprint, "--state", scanned / "state", code=2)
        assert "has no charge of" in done.stderr and "--export" in done.stderr
        bill.unlink()
        done = focuswatch("explain", fingerprint, "--state", scanned / "state", code=1)
        assert done.stderr.count("focuswatch: ") == 1 and "Traceback" not in done.stderr
    finally:
        bill.write_text(kept)


@pytest.mark.parametrize(("told_with", "code"), [(explanation(), 0), (None, 2)])
def test_a_deployment_s_ledger_has_what_was_told(monkeypatch, told_with, code):
    """Its bill is not here, but who did it is in the ledger."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        table = ledger_table()
        one = finding().model_copy(update={"explanation": told_with})
        DynamoLedger(table).update(
            lambda entries, silences: decide(entries, silences, run(one)), evaluated=()
        )
        asked = ["explain", one.fingerprint, "--ledger", f"dynamodb://{table.name}"]
        done = CliRunner().invoke(app, asked)
    if code:
        assert "was told without an explanation" in str(done.exception)
    else:
        told = " ".join(done.output.split())
        assert "RunInstances in us-west-2 by arn:aws:sts::111122223333:assumed-role/ci/deploy" in told
