"""Messages for findings of a simulated bill, compared with golden files that are read in review.

Set FOCUSWATCH_WRITE_GOLDEN=1 to rewrite them from a new scan.
"""

import json
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.bill_to_scan import BillToScan
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.findings.amount_text_without_currency import amount
from focuswatch.findings.evidence_labels_and_values_that_fill_placeholders import display_values
from focuswatch.findings.exclusion_offer_record import ExclusionOffer
from focuswatch.findings.fill_action_with_safe_commands import action_of
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_from_row import ONE_DAY
from focuswatch.findings.verified_saving_record import VerifiedSaving
from focuswatch.ledger import SqliteLedger
from focuswatch.notify.digest_line import DigestLine
from focuswatch.notify.slack.combined_message_for_many_findings import render_digest
from focuswatch.notify.slack.finding_message import Links, RecordedResponse, render_message
from focuswatch.notify.slack.render_mute_reason_dialog import render_not_waste_dialog
from focuswatch.notify.slack.thread_reply_text import render_thread_reply
from focuswatch.owners.owners_file import Owners
from focuswatch.simulate import simulate
from tests.fakes.slack_as_text import seen
from tests.given.golden_files import GOLDEN, WRITE_GOLDEN
from tests.given.golden_findings import FINDINGS, golden_findings
from tests.given.slack_golden_files import GOLDEN_PAYLOADS, assert_slack_golden, message_and_reply_text

FINDINGS_PER_DETECTION = 3  # stored in FINDINGS
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
TEXT_FIELDS = (
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
SAVINGS = {
    "saved": ("0", "80"),
    "partly_saved": ("30", "50"),
    "not_saved": ("80", "0"),
}  # daily cost, daily saving
LIFECYCLE = ("new", "changed", "reminder", "resolved", "back")
CASES = [
    *((detection, case) for detection in WITH_ALL_STATES for case in (*LIFECYCLE, *RESPONSES)),
    *(("idle_sagemaker_endpoint", case) for case in SAVINGS),
    ("idle_sagemaker_endpoint", "offer"),
    *((detection, case) for detection in NEW_AND_RESOLVED for case in ("new", "resolved")),
]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="module")
def findings(tmp_path_factory, catalog) -> list[Finding]:
    """Return findings of a simulated organization, ordered by cost; a rewrite of the golden files scans it again."""
    if WRITE_GOLDEN:
        all_findings = scanned(tmp_path_factory.mktemp("organization"), catalog=catalog)
        selected = [
            one
            for name in DETECTIONS
            for one in [it for it in all_findings if it.detection == name][:FINDINGS_PER_DETECTION]
        ]
        by_cost = sorted(selected, key=all_findings.index)
        FINDINGS.write_text(
            json.dumps(
                [json.loads(one.model_dump_json(by_alias=True)) for one in by_cost],
                indent=1,
                ensure_ascii=False,
            )
            + "\n",
            encoding="utf-8",
        )
    return golden_findings()


def scanned(folder: Path, *, catalog: Catalog) -> tuple[Finding, ...]:
    """Simulate an organization and return the findings of DETECTIONS."""
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
            BillToScan(bill.engine, as_of=bill.as_of, currency=bill.summary.currency),
            catalog=catalog,
            owners=owners,
            progress=print,
            detections=[catalog.detection(name) for name in DETECTIONS],
            ledger=SqliteLedger(folder / "ledger.sqlite"),
        ).findings


def grown(finding: Finding) -> Finding:
    """Return the finding at twice the cost and critical."""
    cost = finding.monthly_cost * 2
    reason = finding.reason.replace(amount(finding.monthly_cost), amount(cost))
    return finding.model_copy(update={"monthly_cost": cost, "reason": reason, "severity": "critical"})


def payload_of(finding: Finding, case: str, *, catalog: Catalog) -> dict[str, Any]:
    """Return the message of a case, and the reply in its thread if there is one."""
    now = grown(finding) if case == "changed" else finding
    if case in SAVINGS:
        cost, saving = map(Decimal, SAVINGS[case])
        verified = VerifiedSaving(
            since=END,
            measured_from=END + timedelta(days=4),
            measured_until=END + timedelta(days=6),
            daily_cost=cost,
            daily_saving=saving,
            expected_daily_saving=Decimal(80),
        )
        now = finding.model_copy(update={"status": "resolved", "verified_saving": verified})
    if case == "offer":
        offer = ExclusionOffer(scope="account", value=str(finding.sub_account_id), dismissed=3)
        now = finding.model_copy(update={"exclusion_offer": offer})
    kind = "saving_verified" if case in SAVINGS else case
    kind = {"back": "new", "offer": "new"}.get(kind, "new" if case in RESPONSES else kind)
    common = {
        "kind": kind,
        "today": END + timedelta(days={"new": 0, "reminder": 14}.get(case, 9)),
        "notification_id": f"{finding.fingerprint}-2",
    }
    payload: dict[str, Any] = {
        "message": render_message(
            now,
            links=LINKS,
            blind_spots=catalog.detection(finding.detection).header.blind_spots,
            response=RESPONSES.get(case),
            **common,
        )
    }
    if case not in ("new", "offer", *RESPONSES):
        before = finding if case == "changed" else None
        payload["note"] = render_thread_reply(now, before=before, **common)
    return payload


@pytest.mark.parametrize("detection, case", CASES)
def test_message_of_each_state_matches_its_golden_file(findings, catalog, detection, case):
    """The golden file includes the reply in the thread, if there is one."""
    finding = next(one for one in findings if one.detection == detection)
    payload = payload_of(finding, case, catalog=catalog)
    assert_slack_golden(f"{detection}.{case}", payload=payload, text=message_and_reply_text(payload))


@pytest.mark.parametrize("detection", DETECTIONS)
def test_golden_findings_have_the_text_of_the_catalog(findings, catalog, detection):
    """If this fails because the text of a detection changed, rewrite the golden files and review them."""
    header = catalog.detection(detection).header
    for one in findings:
        if one.detection == detection:
            values = one.evidence | one.model_dump(include=set(TEXT_FIELDS))
            words = display_values(values)
            reason = ONE_DAY.sub(r"on \1", header.reason.strip().format_map(words))
            action = action_of(header.action.strip(), values, words=words)
            assert (one.title, one.reason, one.action) == (header.title, reason, action)


def test_digest_matches_its_golden_file(findings):
    """It has the sum, the number of findings by title, and the findings with the highest cost."""
    lines = [
        DigestLine(
            one.fingerprint,
            one.title,
            one.monthly_cost,
            one.currency,
            one.sub_account_name,
            one.region_id,
            one.resource_id,
            one.severity,
            one.category,
        )
        for one in findings
    ]
    payload = render_digest(lines, team="search", as_of=END, max_lines=5)
    assert_slack_golden("digest", payload=payload, text=seen(payload))


def test_dialog_shows_the_finding_and_asks_for_a_reason(findings):
    """The dialog has one field, below the text of the message: title, amount, account and Region."""
    message = payload_of(findings[0], "new", catalog=Catalog.load())["message"]
    view = render_not_waste_dialog(
        "f" * 20, title=unescape(message["text"]), channel="C00000001", ts="1780000000.000001"
    )
    assert_slack_golden("not_waste_modal", payload=view, text=seen(view))


def test_each_golden_file_belongs_to_a_case():
    """No golden file is left over, and only the two payloads are JSON."""
    named = {f"{detection}.{case}" for detection, case in CASES} | {"digest", "not_waste_modal"}
    weeks = {f"weekly.{name}" for name in ("search", "everybody", "fraud")}  # in tests/reports
    alerts = {"aws_budget.new", "aws_cost_anomaly.new"}  # in tests/aws_alerts
    closes = {"month_close.kept", "month_close.recomputed"}  # in tests/reports
    expected = {f"{name}.txt" for name in named | weeks | alerts | closes} | {
        f"{name}.json" for name in GOLDEN_PAYLOADS
    }
    assert {path.name for path in (GOLDEN / "slack").iterdir()} == expected
