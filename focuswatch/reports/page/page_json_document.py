"""Build the page's JSON document from its data, with control characters in text from the bill made visible."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from focuswatch.engines import Row
from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.compute_finding_amounts_and_event_end import DAYS_A_MONTH
from focuswatch.findings.cost_increase_explanation_text import explanation_sentences
from focuswatch.findings.fill_action_with_safe_commands import COMMAND
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import amount_label
from focuswatch.findings.replace_control_characters import visible
from focuswatch.findings.value_as_json import json_value
from focuswatch.ledger import LedgerEntry
from focuswatch.notify.related_findings_and_region_rollout_text import incident_lines
from focuswatch.reports.page.ai_layer_finding_and_gpu_charts import finding_charts, gpu_chart, layers_chart
from focuswatch.reports.page.days_covered_and_not_evaluated import coverage_part
from focuswatch.reports.page.headline_month_forecast_and_spend_chart import month_to_date, period, spend_chart
from focuswatch.reports.page.listed_and_charted_findings import shown_incidents
from focuswatch.reports.page.query_page_data import PageData, Part
from focuswatch.reports.page.waste_totals import count_and_waste, waste_of
from focuswatch.reports.use_case_and_intent_of_finding import Purpose

SCHEMA = "focuswatch.page/1"
AMOUNTS = ("monthly_cost", "cost_so_far", "monthly_cost_if_continues")
LEFT_OUT = (
    "schema_",
    "title",
    "currency",
    "as_of",
    "status",
    *AMOUNTS,
    "evidence",
    "explanation",
    "exclusion_offer",
    "verified_saving",
    "also_detected",
    "related_findings",
)
MOST_RESOLVED = 20
# Keys of the document, and the column of the report `savings` that each of them totals.
SAVINGS = {
    "open": "open_cost",
    "acknowledged": "acknowledged_cost",
    "suppressed": "suppressed_cost",
    "expected": "resolved_cost",
    "verified": "verified_cost",
    "not_verified": "unverified_cost",
}


def build_document(page_data: PageData) -> Part:
    """Return the page's document as plain JSON values."""
    incidents = shown_incidents(page_data.entries, page_data.suppressions, as_of=page_data.as_of)
    shown = [entry for members in incidents for entry in members]
    findings = [entry.finding for entry in shown]
    document: Part = _plain(
        {
            "schema": SCHEMA,
            "as_of": page_data.as_of,
            "currency": page_data.currency,
            "settled_until": page_data.billed_days.get("last_settled_day"),
            "period": period(page_data),
            "month": month_to_date(page_data),
            "spend": spend_chart(page_data),
            "detections": _detections(page_data, findings),
            "findings": [_finding(entry, page_data.purposes) for entry in shown],
            "layers": layers_chart(page_data),
            "series": finding_charts(page_data),
            "gpus": gpu_chart(page_data),
            "savings": _savings(page_data),
            "waste": waste_of(findings),
            "unowned": count_and_waste(
                [finding for finding in findings if finding.owned_by == "fallback"], among=findings
            ),
            "coverage": coverage_part(page_data, shown),
            "reports": _reports(page_data),
        }
    )
    return document


def _reports(page_data: PageData) -> Part:
    headers = {name: page_data.catalog.report(name).header for name in page_data.reports}
    return {
        name: {"title": headers[name].title, "basis": headers[name].basis, "rows": rows}
        for name, rows in page_data.reports.items()
    }


def _detections(page_data: PageData, findings: Sequence[Finding]) -> Part:
    """Return the text that all findings of a detection share; only the title if the catalog no longer has it."""
    detections = {}
    for finding in findings:
        detection = page_data.catalog.detections.get(finding.detection)
        detections[finding.detection] = {
            "title": finding.title,
            "why": detection.header.why.strip() if detection else "",
            "blind_spots": detection.header.blind_spots if detection else [],
        }
    return detections


def _finding(entry: LedgerEntry, purposes: Mapping[str, Purpose]) -> Part:
    finding = entry.finding
    use_case, intent = purposes.get(entry.fingerprint, (None, None))
    return {
        **finding.model_dump(exclude=set(LEFT_OUT)),
        **{name: _cents(getattr(finding, name)) for name in AMOUNTS},
        "amount_is": amount_label(finding),
        "evidence": {
            name: value for name, value in finding.evidence.items() if value not in (None, "", [], {})
        },
        "root_cause": _root_cause(finding),
        "rollout": incident_lines(finding) if finding.rollout else None,
        "commands": _commands(finding),
        "use_case": use_case,
        "intent": intent,
        "acknowledged_by": entry.acknowledged_by,
    }


def _root_cause(finding: Finding) -> list[str]:
    """Return the explanation with which the finding was notified, or the causes in its evidence."""
    if finding.explanation:
        return explanation_sentences(finding.explanation, currency=finding.currency)
    return finding.evidence.get("causes") or []


def _commands(finding: Finding) -> list[str]:
    """Return the commands of the recommended action, in the order of its steps, without duplicates."""
    return list(dict.fromkeys(COMMAND.findall(finding.action)))


def _savings(page_data: PageData) -> Part:
    """Return the totals of the report `savings`, and the resolved findings with the highest cost."""
    rows = page_data.reports.get("savings", [])
    resolved = sorted(
        (
            entry
            for entry in page_data.entries
            if entry.state == "resolved" and entry.finding.category == "waste"
        ),
        key=lambda entry: (-entry.finding.monthly_cost, entry.fingerprint),
    )
    return {
        **{name: _total(rows, column) for name, column in SAVINGS.items()},
        "findings_not_verified": sum(entry.saved_daily is None for entry in resolved),
        "resolved": [_resolved(entry) for entry in resolved[:MOST_RESOLVED]],
    }


def _resolved(entry: LedgerEntry) -> Part:
    finding = entry.finding
    return {
        "title": finding.title,
        "account": account_label(finding.sub_account_name, finding.sub_account_id),
        "team": finding.team,
        "resolved_on": entry.resolved_on,
        "expected": float(finding.monthly_cost),
        "verified": None if entry.saved_daily is None else entry.saved_daily * DAYS_A_MONTH,
    }


def _total(rows: Sequence[Row], column: str) -> float:
    return round(sum(row[column] or 0.0 for row in rows), 2)


def _cents(value: Decimal | None) -> float | None:
    return None if value is None else round(float(value), 2)


def _plain(value: Any) -> Any:
    """Return the value as plain JSON, with control characters in its strings made visible."""
    match value:
        case str():
            return visible(value)
        case float() if not math.isfinite(value):
            return None  # JSON has no NaN and no infinity
        case dict():
            return {visible(str(key)): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    return json_value(value)
