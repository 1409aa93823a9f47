"""Messages for findings of a simulated bill, compared with golden files that are read in review.

FOCUSWATCH_WRITE_GOLDEN=1 writes them again, from a new scan.
"""

import json
import os
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from focuswatch.bill.bill_input_files import BillInputs
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.findings.account_owner_evidence_labels import amount, display_values
from focuswatch.findings.detection_exclusion_offer import ExclusionOffer
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_from_row import ONE_DAY
from focuswatch.findings.safe_paste_commands import action_of
from focuswatch.findings.verified_saving_record import VerifiedSaving
from focuswatch.ledger import SqliteLedger
from focuswatch.notify.slack.digest_message import DigestLine, render_digest
from focuswatch.notify.slack.finding_message import Links, RecordedResponse, render_message
from focuswatch.notify.slack.mrkdwn import TEXT_CHARACTERS
from focuswatch.notify.slack.mute_reason_dialog import render_not_waste_dialog
from focuswatch.notify.slack.thread_reply_text import render_thread_reply
from focuswatch.owners.owners_file_and_assignment import Owners
from focuswatch.simulate import simulate
from tests.fakes.slack_as_text import seen
from tests.fakes.slack_rules import blocks_problems, metadata_problem, too_long, view_problems

GOLDEN = Path(__file__).parents[2] / "golden" / "slack"
FINDINGS = GOLDEN.parent / "findings.json"
GOLDEN_PAYLOADS = ("gpu_burst.new", "not_waste_modal")  # a message with every block, and the view
WRITE = bool(os.environ.get("FOCUSWATCH_WRITE_GOLDEN"))
MOST_OF_ONE = 3  # findings of one detection that are kept
END = date(2026, 5, 31)
LINKS = Links(
    query="https://console.aws.amazon.com/athena/home#/query-editor/saved-queries/1",
    jira="https://example.atlassian.net/browse/ML-17",
    jira_key="ML-17",
)
ANNA = "U0ANNA"
WITH_ALL_STATES = ("idle_sagemaker_endpoint", "gpu_burst")
NEW_AND_RESOLVED = (
    "cost_anomaly",
    "orphaned_opensearch_collection",
    "untagged_ai_spend",
    "unused_commitment",
)
DETECTIONS = (*WITH_ALL_STATES, *NEW_AND_RESOLVED)
NAMED = (
    "sub_account_id",
    "sub_account_name",
    "region_id",
    "resource_id",
    "service_name",
    "monthly_cost",
    "currency",
)
STANDBY = "Standby of the search service in Frankfurt"
RESPONSES = {
    "acknowledged": RecordedResponse("acknowledged", ANNA, END + timedelta(days=1)),
    "snoozed": RecordedResponse("snoozed", ANNA, END + timedelta(days=1), until=END + timedelta(days=8)),
    "not_waste": RecordedResponse("not waste", ANNA, END + timedelta(days=1), reason=STANDBY),
}
SAVINGS = {"saved": ("0", "80"), "partly_saved": ("30", "50"), "not_saved": ("80", "0")}  # cost, saving a day
LIFE = ("new", "changed", "reminder", "resolved", "back")
CASES = [
    *((detection, case) for detection in WITH_ALL_STATES for case in (*LIFE, *RESPONSES)),
    *(("idle_sagemaker_endpoint", case) for case in SAVINGS),
    ("idle_sagemaker_endpoint", "offer"),
    *((detection, case) for detection in NEW_AND_RESOLVED for case in ("new", "resolved")),
]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="module")
def findings(tmp_path_factory, catalog) -> list[Finding]:
    """Return the findings of a simulated organization, by cost, as of when the golden files were written."""
    if WRITE:
        every = scanned(tmp_path_factory.mktemp("organization"), catalog=catalog)
        few = [
            one for name in DETECTIONS for one in [it for it in every if it.detection == name][:MOST_OF_ONE]
        ]
        kept = sorted(few, key=every.index)
        FINDINGS.write_text(
            json.dumps(
                [json.loads(one.model_dump_json(by_alias=True)) for one in kept],
                indent=1,
                ensure_ascii=False,
            )
            + "\n",
            encoding="utf-8",
        )
    return [Finding.model_validate(one) for one in json.loads(FINDINGS.read_text(encoding="utf-8"))]


def scanned(folder: Path, *, catalog: Catalog) -> tuple[Finding, ...]:
    """Return the findings of a simulated organization, of DETECTIONS."""
    simulation = simulate(folder / "it", days=70, end=END, rows=20_000)
    owners = Owners.load(simulation.owners)
    inputs = BillInputs(
        str(simulation.export),
        state=folder / "state",
        activity=simulation.activity,
        accounts=simulation.accounts,
    )
    with open_local_bill(inputs, catalog=catalog, owners=owners, progress=print) as bill:
        return scan(
            bill.engine, as_of=bill.as_of, currency=bill.summary.currency, catalog=catalog, owners=owners,
            progress=print,
            detections=[catalog.detection(name) for name in DETECTIONS],
            ledger=SqliteLedger(folder / "ledger.sqlite"),
        ).findings  # fmt: skip


def grown(finding: Finding) -> Finding:
    """Return the finding at twice the cost and critical."""
    cost = finding.monthly_cost * 2
    reason = finding.reason.replace(amount(finding.monthly_cost), amount(cost))
    return finding.model_copy(update={"monthly_cost": cost, "reason": reason, "severity": "critical"})


def payload_of(finding: Finding, case: str, *, catalog: Catalog) -> dict[str, Any]:
    """Return the message in a case, and the reply in its thread."""
    now = grown(finding) if case == "changed" else finding
    if case in SAVINGS:
        cost, saving = map(Decimal, SAVINGS[case])
        verified = VerifiedSaving(
            since=END, measured_from=END + timedelta(days=4), measured_until=END + timedelta(days=6), daily_cost=cost,
            daily_saving=saving, expected_daily_saving=Decimal(80),
        )  # fmt: skip
        now = finding.model_copy(update={"status": "resolved", "verified_saving": verified})
    if case == "offer":
        offer = ExclusionOffer(scope="account", value=str(finding.sub_account_id), dismissed=3)
        now = finding.model_copy(update={"exclusion_offer": offer})
    kind = "saving_verified" if case in SAVINGS else case
    kind = {"back": "new", "offer": "new"}.get(kind, "new" if case in RESPONSES else kind)
    common = {
        "kind": kind,
        "today": END + timedelta(days={"new": 0, "reminder": 14}.get(case, 9)),
        "news_id": f"{finding.fingerprint}-2",
    }
    payload: dict[str, Any] = {
        "message": render_message(
            now,
            links=LINKS,
            blind_spots=catalog.detection(finding.detection).header.blind_spots,
            response=RESPONSES.get(case),
            **common,
        )  # fmt: skip
    }
    if case not in ("new", "offer", *RESPONSES):
        before = finding if case == "changed" else None
        payload["note"] = render_thread_reply(now, before=before, **common)
    return payload


def as_read(payload: dict[str, Any]) -> str:
    """Return the text of a message and of the reply in its thread."""
    text = f"Push notification: {payload['message']['text']}\n\n{seen(payload['message'])}"
    return text + (f"\nReply in its thread: {seen(payload['note'])}" if "note" in payload else "")


def same_as_golden(name: str, *, payload: Any, text: str) -> None:
    """Compare the text with its golden file, and the payload with Slack's rules; two payloads are golden files too."""
    assert problems(payload) == []
    contents = {".txt": text}
    if name in GOLDEN_PAYLOADS:
        contents[".json"] = json.dumps(payload, indent=1, ensure_ascii=False) + "\n"
    for suffix, content in contents.items():
        path = GOLDEN / f"{name}{suffix}"
        if WRITE:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        assert path.exists(), f"{path.name} is missing; FOCUSWATCH_WRITE_GOLDEN=1 writes it, then read it"
        assert content == path.read_text(encoding="utf-8")


def problems(payload: dict[str, Any]) -> list[str]:
    """Return what Slack would refuse: in a view, in a message, or in a message and the reply in its thread."""
    if payload.get("type") == "modal":
        return view_problems(payload)
    messages = [payload] if "blocks" in payload else list(payload.values())
    return [problem for message in messages for problem in _message_problems(message)]


def _message_problems(message: dict[str, Any]) -> list[str]:
    problems = blocks_problems(message["blocks"])
    if too_long(message["blocks"]):
        problems.append("msg_blocks_too_long")
    if "metadata" in message and (problem := metadata_problem(message["metadata"])):
        problems.append(problem)
    if not 0 < len(message["text"]) <= TEXT_CHARACTERS:
        problems.append("text is empty or too long")
    return problems


@pytest.mark.parametrize("detection, case", CASES)
def test_message_of_each_state_is_as_its_golden_file(findings, catalog, detection, case):
    """And the reply in its thread, where there is one."""
    finding = next(one for one in findings if one.detection == detection)
    payload = payload_of(finding, case, catalog=catalog)
    same_as_golden(f"{detection}.{case}", payload=payload, text=as_read(payload))


@pytest.mark.parametrize("detection", DETECTIONS)
def test_golden_findings_have_the_text_of_the_catalog(findings, catalog, detection):
    """If the text of a detection has changed, write the golden files again, and read them."""
    header = catalog.detection(detection).header
    for one in findings:
        if one.detection == detection:
            values = one.evidence | one.model_dump(include=set(NAMED))
            words = display_values(values)
            reason = ONE_DAY.sub(r"on \1", header.reason.strip().format_map(words))
            action = action_of(header.action.strip(), values, words=words)
            assert (one.title, one.reason, one.action) == (header.title, reason, action)


def test_digest_is_as_its_golden_file(findings):
    """The sum, the number by title, and the findings with the highest cost."""
    lines = [
        DigestLine(
            one.fingerprint, one.title, one.monthly_cost, one.currency, one.sub_account_name, one.region_id,
            one.resource_id, one.severity, one.category,
        )
        for one in findings
    ]  # fmt: skip
    payload = render_digest(lines, team="search", as_of=END, shown=5)
    same_as_golden("digest", payload=payload, text=seen(payload))


def test_dialog_shows_the_finding_and_asks_for_a_reason(findings):
    """The dialog has one field, below the text of the message: title, amount, account and Region."""
    message = payload_of(findings[0], "new", catalog=Catalog.load())["message"]
    view = render_not_waste_dialog(
        "f" * 20, title=unescape(message["text"]), channel="C00000001", ts="1780000000.000001"
    )
    same_as_golden("not_waste_modal", payload=view, text=seen(view))


def test_each_golden_file_belongs_to_a_case():
    """No golden file is left over, and only the two payloads are JSON."""
    named = {f"{detection}.{case}" for detection, case in CASES} | {"digest", "not_waste_modal"}
    weeks = {f"weekly.{name}" for name in ("search", "everybody", "fraud")}  # in tests/reports
    alerts = {"aws_budget.new", "aws_cost_anomaly.new"}  # in tests/aws_alerts
    closes = {"month_close.kept", "month_close.recomputed"}  # in tests/reports
    expected = {f"{name}.txt" for name in named | weeks | alerts | closes} | {
        f"{name}.json" for name in GOLDEN_PAYLOADS
    }
    assert {path.name for path in GOLDEN.iterdir()} == expected
