"""Messages as an owner reads them, of findings of a simulated bill; golden files are read in review.

FOCUSWATCH_WRITE_GOLDEN=1 writes them anew, from a new scan.
"""

import json
import os
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from focuswatch.bill.bill import BillInputs
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.catalog.catalog import Catalog
from focuswatch.detect.scan import scan
from focuswatch.findings.finding import Finding, amount, display_values
from focuswatch.ledger import SqliteLedger
from focuswatch.notify.slack.finding_message import (
    DigestLine,
    Links,
    RecordedResponse,
    digest,
    not_waste_modal,
    render_message,
    thread_note,
)
from focuswatch.owners.owners_file import Owners
from focuswatch.simulate import simulate
from tests.fakes.slack_as_text import seen
from tests.fakes.slack_rules import blocks_problems, view_problems

GOLDEN = Path(__file__).parents[2] / "golden" / "slack"
FINDINGS = GOLDEN.parent / "findings.json"
WRITE = bool(os.environ.get("FOCUSWATCH_WRITE_GOLDEN"))
MOST_OF_ONE = 3  # findings of one detection that are kept
END = date(2026, 5, 31)
LINKS = Links(
    query="https://console.aws.amazon.com/athena/home#/query-editor/saved-queries/1",
    jira="https://example.atlassian.net/browse/ML-17",
    jira_key="ML-17",
)
ANNA = "U0ANNA"
TOLD_IN_FULL = ("idle_sagemaker_endpoint", "gpu_burst")
TOLD_ONCE = ("cost_anomaly", "orphaned_opensearch_collection", "untagged_ai_spend", "unused_commitment")
DETECTIONS = (*TOLD_IN_FULL, *TOLD_ONCE)
NAMED = (
    "sub_account_id",
    "sub_account_name",
    "region_id",
    "resource_id",
    "service_name",
    "monthly_cost",
    "currency",
)
STANDBY = "It is the standby of the search in Frankfurt"
ANSWERS = {
    "acknowledged": RecordedResponse("acknowledged", ANNA, END + timedelta(days=1)),
    "snoozed": RecordedResponse("snoozed", ANNA, END + timedelta(days=1), until=END + timedelta(days=8)),
    "not_waste": RecordedResponse("not waste", ANNA, END + timedelta(days=1), reason=STANDBY),
}
LIFE = ("new", "changed", "reminder", "resolved", "back")
CASES = [
    *((detection, case) for detection in TOLD_IN_FULL for case in (*LIFE, *ANSWERS)),
    ("idle_sagemaker_endpoint", "saved"),
    *((detection, case) for detection in TOLD_ONCE for case in ("new", "resolved")),
]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="module")
def findings(tmp_path_factory, catalog) -> list[Finding]:
    """What a scan of a simulated organisation found, costliest first, when the golden files were written."""
    if WRITE:
        every = scanned(tmp_path_factory.mktemp("organisation"), catalog=catalog)
        few = [
            one for name in DETECTIONS for one in [it for it in every if it.detection == name][:MOST_OF_ONE]
        ]
        found = sorted(few, key=every.index)
        FINDINGS.write_text(
            json.dumps(
                [json.loads(one.model_dump_json(by_alias=True)) for one in found],
                indent=1,
                ensure_ascii=False,
            )
            + "\n",
            encoding="utf-8",
        )
    return [Finding.model_validate(one) for one in json.loads(FINDINGS.read_text(encoding="utf-8"))]


def scanned(folder: Path, *, catalog: Catalog) -> tuple[Finding, ...]:
    """The findings of a simulated organisation, of the detections that are shown."""
    made = simulate(folder / "it", days=70, end=END, rows=20_000)
    owners = Owners.load(made.owners)
    inputs = BillInputs(
        str(made.export), state=folder / "state", activity=made.activity, accounts=made.accounts
    )
    with open_local_bill(inputs, catalog=catalog, owners=owners, progress=print) as bill:
        return scan(
            bill.engine, as_of=bill.as_of, currency=bill.summary.currency, catalog=catalog, owners=owners,
            progress=print,
            detections=[catalog.detection(name) for name in DETECTIONS],
            ledger=SqliteLedger(folder / "ledger.sqlite"),
        ).findings  # fmt: skip


def grown(finding: Finding) -> Finding:
    """The same at twice the cost, and as bad as can be."""
    cost = finding.monthly_cost * 2
    reason = finding.reason.replace(amount(finding.monthly_cost), amount(cost))
    return finding.model_copy(update={"monthly_cost": cost, "reason": reason, "severity": "critical"})


def told(finding: Finding, case: str, *, catalog: Catalog) -> dict[str, Any]:
    """The message as it is in a case, and the note in its thread."""
    now = grown(finding) if case == "changed" else finding
    kind = {"saved": "resolved", "back": "new"}.get(case, "new" if case in ANSWERS else case)
    common = {
        "kind": kind,
        "today": END + timedelta(days={"new": 0, "reminder": 14}.get(case, 9)),
        "news_id": f"{finding.fingerprint}-2",
        "saved_daily": finding.monthly_cost / Decimal(30) if case == "saved" else None,
    }
    payload: dict[str, Any] = {
        "message": render_message(
            now,
            links=LINKS,
            blind_spots=catalog.detection(finding.detection).header.blind_spots,
            response=ANSWERS.get(case),
            **common,
        )  # fmt: skip
    }
    if case != "new" and case not in ANSWERS:
        before = finding if case == "changed" else None
        payload["note"] = thread_note(now, before=before, **common)
    return payload


def as_read(payload: dict[str, Any]) -> str:
    """A message and, below it, what is said in its thread."""
    text = f"Notification: {payload['message']['text']}\n\n{seen(payload['message'])}"
    return text + (f"\nIn its thread: {seen(payload['note'])}" if "note" in payload else "")


def same_as_golden(name: str, *, payload: Any, text: str) -> None:
    for suffix, content in (
        (".json", json.dumps(payload, indent=1, ensure_ascii=False) + "\n"),
        (".txt", text),
    ):
        path = GOLDEN / f"{name}{suffix}"
        if WRITE:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        assert path.exists(), f"{path.name} is missing; FOCUSWATCH_WRITE_GOLDEN=1 writes it, then read it"
        assert content == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("detection, case", CASES)
def test_an_owner_reads_what_to_do(findings, catalog, detection, case):
    """Every state of a finding's message, and the note that comes with it, as the golden files show."""
    finding = next(one for one in findings if one.detection == detection)
    payload = told(finding, case, catalog=catalog)
    for said in payload.values():
        assert not blocks_problems(said["blocks"])
    same_as_golden(f"{detection}.{case}", payload=payload, text=as_read(payload))


@pytest.mark.parametrize("detection", DETECTIONS)
def test_golden_findings_speak_as_the_catalog_does_today(findings, catalog, detection):
    """A detection whose words have changed is shown with its new ones: write the golden files anew, and read them."""
    header = catalog.detection(detection).header
    for one in findings:
        if one.detection == detection:
            words = display_values(one.evidence | one.model_dump(include=set(NAMED)))
            said = (
                header.title,
                header.reason.strip().format_map(words),
                header.action.strip().format_map(words),
            )
            assert (one.title, one.reason, one.action) == said


def test_a_digest_says_what_there_is_to_save_and_where_to_begin(findings):
    """The sum, the kinds, and the costliest of what was not told one by one."""
    lines = [
        DigestLine(
            one.fingerprint, one.title, one.monthly_cost, one.currency, one.sub_account_name, one.region_id,
            one.resource_id, one.severity, one.category,
        )
        for one in findings
    ]  # fmt: skip
    payload = digest(lines, team="search", as_of=END, shown=5)
    assert not blocks_problems(payload["blocks"])
    same_as_golden("digest", payload=payload, text=seen(payload))


def test_who_leaves_it_as_it_is_is_asked_why(findings):
    """A dialog with one field."""
    view = not_waste_modal("f" * 20, title=findings[0].title, channel="C00000001", ts="1780000000.000001")
    assert not view_problems(view)
    same_as_golden("not_waste_modal", payload=view, text=seen(view))


def test_no_golden_file_is_left_over():
    """Each belongs to a case that is still told."""
    named = {f"{detection}.{case}" for detection, case in CASES} | {"digest", "not_waste_modal"}
    weeks = {
        f"weekly.{name}" for name in ("search", "everybody", "fraud")
    }  # tests/reports/test_weekly_summary.py
    aws = {"aws_budget.new", "aws_cost_anomaly.new"}  # tests/aws_alerts/test_aws_alerts.py
    assert {path.stem for path in GOLDEN.iterdir()} == named | weeks | aws
