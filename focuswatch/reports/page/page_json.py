"""Build the page's JSON document from its data. Control characters in texts of the bill are made visible."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.detection_summary import DetectionSummary
from focuswatch.engines import Row
from focuswatch.findings.amount_text import amount_label
from focuswatch.findings.counted_once import counted_once
from focuswatch.findings.explanation_text import explanation_sentences
from focuswatch.findings.finding import DAYS_A_MONTH, Finding, account_label, json_value
from focuswatch.findings.paste_commands import COMMAND
from focuswatch.findings.visible_text import visible
from focuswatch.ledger import LedgerEntry
from focuswatch.reports.findings_table import Purpose
from focuswatch.reports.page.daily_charts import anomaly_charts, gpu_chart, layers_chart
from focuswatch.reports.page.page_data import PageData, is_shown

SCHEMA = "focuswatch.page/1"
Part = dict[str, Any]
AMOUNTS = ("monthly_cost", "cost_so_far", "monthly_cost_if_continues")
LEFT_OUT = ("schema_", "title", "currency", "as_of", "status", *AMOUNTS, "evidence", "explanation")
MOST_RESOLVED = 20
# Keys of the document, and the columns of the report `savings` that they sum up.
SAVINGS = {
    "open": "open_cost",
    "acknowledged": "acknowledged_cost",
    "suppressed": "suppressed_cost",
    "expected": "resolved_cost",
    "verified": "verified_cost",
    "not_verified": "unverified_cost",
}


def build_document(page_data: PageData) -> Part:
    """Return what the page shows, as plain JSON values."""
    shown = sorted(
        (
            entry
            for entry in page_data.entries
            if is_shown(entry, page_data.suppressions, as_of=page_data.as_of)
        ),
        key=lambda entry: (-entry.finding.stake, entry.finding.detection, entry.fingerprint),
    )
    findings = [entry.finding for entry in shown]
    document: Part = _plain(
        {
            "schema": SCHEMA,
            "as_of": page_data.as_of,
            "currency": page_data.currency,
            "detections": _detections(page_data, findings),
            "findings": [_finding(entry, page_data.purposes) for entry in shown],
            "layers": layers_chart(page_data),
            "anomalies": anomaly_charts(page_data),
            "gpus": gpu_chart(page_data),
            "savings": _savings(page_data),
            "waste": _waste(findings),
            "unowned": _count_and_waste(
                [finding for finding in findings if finding.owned_by == "fallback"], among=findings
            ),
            "coverage": _coverage(page_data, shown),
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
    """Return what all findings of a detection have in common; of one that left the catalog only its title."""
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
        "root_cause": explanation_sentences(finding.explanation, currency=finding.currency)
        if finding.explanation
        else [],
        "commands": _commands(finding),
        "use_case": use_case,
        "intent": intent,
        "acknowledged_by": entry.acknowledged_by,
    }


def _commands(finding: Finding) -> list[str]:
    """Return the commands that can be copied, in the order of the steps."""
    return list(dict.fromkeys(COMMAND.findall(finding.action)))


def _savings(page_data: PageData) -> Part:
    """Return the sums of the report `savings`, and the resolved findings of highest cost."""
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


def _coverage(page_data: PageData, shown: Sequence[LedgerEntry]) -> Part:
    """Return the days that the data covers, and what was not evaluated, resolved or notified, and why."""
    shown_fingerprints = {entry.fingerprint for entry in shown}
    suppressed = [
        entry.finding
        for entry in page_data.entries
        if entry.state == "open" and entry.fingerprint not in shown_fingerprints
    ]
    errors = [summary.error for summary in page_data.detections if summary.error]
    lacking = [
        f"{summary.detection} was not evaluated: {summary.lacks_input}"
        for summary in page_data.detections
        if summary.lacks_input
    ]
    return {
        **page_data.billed_days,
        "doubts": page_data.coverage.doubts,
        "missing_accounts": sorted(
            account or "charges without an account" for account in page_data.coverage.missing_accounts
        ),
        "warnings": [*page_data.warnings, *lacking],
        "failures": [*errors, *page_data.failures],
        "detections": len(page_data.detections),
        "not_evaluated": [
            _not_evaluated(summary, page_data.catalog)
            for summary in page_data.detections
            if summary.not_evaluated
        ],
        "not_run": _not_run(page_data),
        "launched": [launch.sentence(page_data.currency) for launch in page_data.launched],
        "suppressed": _count_and_waste(suppressed, among=suppressed),
    }


def _not_run(page_data: PageData) -> list[str]:
    """Return the detections that the last scan did not run, each with the date of its last run."""
    last_runs = {
        summary.detection: page_data.evaluated_until.get(summary.detection)
        for summary in page_data.detections
    }
    return sorted(
        f"{id} (last run {day or 'never'})" for id, day in last_runs.items() if day != page_data.as_of
    )


def _not_evaluated(summary: DetectionSummary, catalog: Catalog) -> Part:
    return {
        "detection": summary.detection,
        "title": catalog.detections[summary.detection].header.title,
        "resources": summary.not_evaluated,
        "monthly_cost": round(float(summary.not_evaluated_monthly_cost), 2),
    }


def _count_and_waste(findings: Sequence[Finding], *, among: Sequence[Finding]) -> Part:
    """Return the number and the waste of findings that are part of others; their sums add up to that of all."""
    counted = {finding.fingerprint for finding in counted_once(among)}
    part = [finding for finding in findings if finding.fingerprint in counted]
    return {"findings": len(findings), "waste": _waste(part)}


def _waste(findings: Sequence[Finding]) -> float:
    """Return the monthly cost of waste, each dollar once; amounts of other categories have no common sum."""
    waste = (finding for finding in counted_once(findings) if finding.category == "waste")
    return round(float(sum((finding.monthly_cost for finding in waste), Decimal(0))), 2)


def _cents(value: Decimal | None) -> float | None:
    return None if value is None else round(float(value), 2)


def _plain(value: Any) -> Any:
    """Return the value as JSON has it, with control characters in its texts made visible."""
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
