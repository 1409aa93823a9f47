"""The page's data: one JSON document, made of what was gathered and of nothing else.

All that the bill names is data here; characters that would act on whoever reads them are made visible.
"""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from focuswatch.detect.run_detection import Outcome
from focuswatch.engines import Row
from focuswatch.findings.amount_text import amount_label
from focuswatch.findings.explanation_text import explanation_sentences
from focuswatch.findings.finding import DAYS_A_MONTH, Finding, account_label, json_value
from focuswatch.findings.paste_commands import COMMAND
from focuswatch.findings.visible_text import visible
from focuswatch.ledger import LedgerEntry
from focuswatch.reports.findings_table import Purpose
from focuswatch.reports.page.daily_charts import anomalies, gpus, layers
from focuswatch.reports.page.page_data import Gathered, is_shown

SCHEMA = "focuswatch.page/1"
Part = dict[str, Any]
AMOUNTS = ("monthly_cost", "cost_so_far", "monthly_cost_if_continues")
LEFT_OUT = ("schema_", "title", "currency", "as_of", "status", *AMOUNTS, "evidence", "explanation")
MOST_RESOLVED = 20
SAVED = ("open", "acknowledged", "silenced", "promised", "verified", "not_read")


def document(gathered: Gathered) -> Part:
    """What the page shows, as plain JSON values."""
    shown = sorted(
        (one for one in gathered.entries if is_shown(one, gathered.silences, as_of=gathered.as_of)),
        key=lambda one: (-one.finding.stake, one.finding.detection, one.fingerprint),
    )
    made: Part = _seen(
        {
            "schema": SCHEMA,
            "as_of": gathered.as_of,
            "currency": gathered.currency,
            "detections": _detections(gathered, shown),
            "findings": [_finding(entry, gathered.purposes) for entry in shown],
            "layers": layers(gathered),
            "anomalies": anomalies(gathered),
            "gpus": gpus(gathered),
            "savings": _savings(gathered),
            "waste_found": _money(one.finding for one in shown if one.finding.category == "waste"),
            "unowned_findings": _unowned(
                [one.finding for one in shown if one.finding.owned_by == "fallback"]
            ),
            "freshness": _freshness(gathered, shown),
            "reports": {
                name: {
                    "title": gathered.catalog.report(name).header.title,
                    "basis": gathered.catalog.report(name).header.basis,
                    "rows": rows,
                }
                for name, rows in gathered.reports.items()
            },
        }
    )
    return made


def _detections(gathered: Gathered, shown: Sequence[LedgerEntry]) -> Part:
    """What all findings of a detection say alike; one that left the catalog has no blind spots to tell."""
    said = {}
    for entry in shown:
        known = gathered.catalog.detections.get(entry.finding.detection)
        said[entry.finding.detection] = {
            "title": entry.finding.title,
            "why": known.header.why.strip() if known else "",
            "blind_spots": known.header.blind_spots if known else [],
        }
    return said


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
        "why": explanation_sentences(finding.explanation, currency=finding.currency)
        if finding.explanation
        else [],
        "commands": _commands(finding),
        "use_case": use_case,
        "intent": intent,
        "acknowledged_by": entry.acknowledged_by,
    }


def _commands(finding: Finding) -> list[str]:
    """The commands that may be copied, in the order of the steps."""
    return list(dict.fromkeys(COMMAND.findall(finding.action)))


def _savings(gathered: Gathered) -> Part:
    """The report's sums, and what was resolved last, costliest first."""
    rows = gathered.reports.get("savings", [])
    resolved = sorted(
        (one for one in gathered.entries if one.state == "resolved" and one.finding.category == "waste"),
        key=lambda one: (-one.finding.monthly_cost, one.fingerprint),
    )
    return {
        **{name: _total(rows, f"{name}_cost") for name in SAVED},
        "findings_not_read": sum(one.saved_daily is None for one in resolved),
        "resolved": [
            {
                "title": one.finding.title,
                "account": account_label(one.finding.sub_account_name, one.finding.sub_account_id),
                "team": one.finding.team,
                "resolved_on": one.resolved_on,
                "promised": float(one.finding.monthly_cost),
                "verified": _verified(one),
            }
            for one in resolved[:MOST_RESOLVED]
        ],
    }


def _total(rows: Sequence[Row], column: str) -> float:
    return round(sum(row[column] or 0.0 for row in rows), 2)


def _verified(entry: LedgerEntry) -> Decimal | None:
    return None if entry.saved_daily is None else entry.saved_daily * DAYS_A_MONTH


def _freshness(gathered: Gathered, shown: Sequence[LedgerEntry]) -> Part:
    """How far the data goes, what it does not vouch for, and what was not evaluated."""
    known = {one.fingerprint for one in shown}
    silenced = [one for one in gathered.entries if one.state == "open" and one.fingerprint not in known]
    return {
        **gathered.billed_days,
        "doubts": gathered.coverage.doubts,
        "missing_accounts": sorted(
            one or "what no account is charged for" for one in gathered.coverage.missing_accounts
        ),
        "warnings": gathered.warnings,
        "failures": [*(one.error for one in gathered.outcomes if one.error), *gathered.failures],
        "detections": len(gathered.outcomes),
        "not_judged": [_not_judged(one) for one in gathered.outcomes if one.not_evaluated],
        "not_asked": sorted(
            f"{one.detection.id} (last asked {gathered.evaluated_until.get(one.detection.id, 'never')})"
            for one in gathered.outcomes
            if gathered.evaluated_until.get(one.detection.id) != gathered.as_of
        ),
        "launched": [one.sentence(gathered.currency) for one in gathered.launched],
        "silenced": {
            "findings": len(silenced),
            "waste": _money(one.finding for one in silenced if one.finding.category == "waste"),
        },
    }


def _not_judged(outcome: Outcome) -> Part:
    costs = (Decimal(str(row.get("monthly_cost") or 0)) for row in outcome.not_evaluated)
    return {
        "detection": outcome.detection.id,
        "title": outcome.detection.header.title,
        "resources": len(outcome.not_evaluated),
        "monthly_cost": round(float(sum(costs, Decimal(0))), 2),
    }


def _unowned(findings: Sequence[Finding]) -> Part:
    """How many there are, and the waste among them: amounts of other categories mean something else."""
    return {"findings": len(findings), "waste": _money(one for one in findings if one.category == "waste")}


def _cents(value: Decimal | None) -> float | None:
    return None if value is None else round(float(value), 2)


def _money(findings: Any) -> float:
    return round(float(sum((one.monthly_cost for one in findings), Decimal(0))), 2)


def _seen(value: Any) -> Any:
    """The value as JSON has it, every text of it as it may be shown."""
    match value:
        case str():
            return visible(value)
        case float() if not math.isfinite(value):
            return None  # JSON has no word for it, and nobody reads a number that is none
        case dict():
            return {visible(str(key)): _seen(one) for key, one in value.items()}
        case list() | tuple():
            return [_seen(one) for one in value]
    return json_value(value)
