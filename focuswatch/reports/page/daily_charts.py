"""What the page draws over days: layers, anomalies on their series, busy GPUs. Rows in, lists as long as days out."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from focuswatch.engines import Row
from focuswatch.findings.amount_text import amount_label
from focuswatch.findings.explanation_text import explanation_details, explanation_headline
from focuswatch.findings.finding import Finding, account_label
from focuswatch.reports.page.page_data import Gathered, is_shown

LAYERS = (
    "model inference",
    "retrieval",
    "orchestration and compute",
    "observability",
    "tools and data",
)
Part = dict[str, Any]
# Which columns of evidence say from when to when something was out of its pattern; the first pair that is there counts.
MARKED = (
    ("anomalous_from", "anomalous_until"),
    ("strange_from", "strange_until"),  # as findings were stored before these keys were renamed
    ("peak_day", "last_day"),
    ("first_day", "last_day"),
)


def layers(gathered: Gathered) -> Part:
    """Every day's cost of each of the five layers, and what a filter on Amazon Bedrock sees of the day."""
    days = span(gathered.layer_days)
    costs = {layer: [0.0] * len(days) for layer in LAYERS}
    seen = [0.0] * len(days)
    for row in gathered.layer_days:
        place = (row["charge_date"] - days[0]).days
        costs[row["layer"]][place] = _cents(row["effective_cost"])
        seen[place] += row["seen_by_bedrock_filter"] or 0.0
    month = {row["layer"]: row for row in gathered.reports.get("ai_spend_by_layer", [])}
    return {
        "days": [str(day) for day in days],
        "layers": [{"layer": layer, "costs": costs[layer]} for layer in LAYERS],
        "other_providers": gathered.other_providers,
        "seen": [_cents(one) for one in seen],
        "month": [_month(layer, month.get(layer, {})) for layer in LAYERS] if month else [],
        "last_settled_day": str(gathered.billed_days.get("last_settled_day")),
    }


def _month(layer: str, row: Row) -> Part:
    amounts = ("effective_cost", "effective_cost_before", "seen_by_bedrock_filter")
    counted = {"layer": layer, "sub_accounts": row.get("sub_accounts", 0)}
    return counted | {name: _cents(row.get(name)) for name in amounts}


def anomalies(gathered: Gathered) -> list[Part]:
    """The costliest open anomalies, each with its series, the days out of pattern, and what the excess is made of."""
    by_finding: dict[str, list[Row]] = {}
    for row in gathered.finding_days:
        by_finding.setdefault(row["fingerprint"], []).append(row)
    known = {
        entry.fingerprint: entry.finding
        for entry in gathered.entries
        if is_shown(entry, gathered.silences, as_of=gathered.as_of)
    }
    drawn = [_anomaly(known[fingerprint], rows) for fingerprint, rows in by_finding.items()]
    return sorted(drawn, key=lambda one: (-known[one["fingerprint"]].stake, one["fingerprint"]))


def _anomaly(finding: Finding, rows: Sequence[Row]) -> Part:
    days = span(rows)
    costs = [0.0] * len(days)
    for row in rows:
        costs[(row["charge_date"] - days[0]).days] = _cents(row["effective_cost"])
    first, last = marked(finding)
    return {
        "fingerprint": finding.fingerprint,
        "title": finding.title,
        "account": account_label(finding.sub_account_name, finding.sub_account_id),
        "service": finding.service_name,
        "resource": finding.resource_id,
        "team": finding.team,
        "monthly_cost": float(finding.monthly_cost),
        "amount_is": amount_label(finding),
        "reason": finding.reason,
        "causes": _causes(finding),
        "expected": finding.evidence.get("daily_expected"),
        "marked_from": first,
        "marked_until": last,
        "days": [str(day) for day in days],
        "costs": costs,
    }


def _causes(finding: Finding) -> list[str]:
    """The explanation it was told with, or the causes that the detection itself names."""
    if finding.explanation:
        return [
            explanation_headline(finding.explanation, currency=finding.currency),
            *explanation_details(finding.explanation),
        ]
    return finding.evidence.get("causes") or []


def marked(finding: Finding) -> tuple[str | None, str | None]:
    """The days out of pattern, both included; None where the evidence names none."""
    for first, last in MARKED:
        if finding.evidence.get(first) and finding.evidence.get(last):
            return str(finding.evidence[first]), str(finding.evidence[last])
    return None, None


def gpus(gathered: Gathered) -> Part:
    """A row a machine, costliest first: hours and utilization by day; None where it did not run or nobody looked."""
    days = span(gathered.gpu_days)
    rows: dict[int, Part] = {}
    for row in gathered.gpu_days:
        account = row["sub_account_id"]
        machine = rows.setdefault(
            row["place"],
            {
                "account": gathered.account_names.get(account, account),
                "region": row["region_id"],
                "resource": row["resource_id"],
                "instance_types": row["instance_types"],
                "cost": 0.0,
                "hours": [0.0] * len(days),
                "utilization": [None] * len(days),
            },
        )
        place = (row["charge_date"] - days[0]).days
        machine["cost"] += row["effective_cost"] or 0.0
        machine["hours"][place] += round(row["gpu_hours"] or 0.0, 1)
        if row["utilization"] is not None:
            machine["utilization"][place] = round(row["utilization"], 1)
    for machine in rows.values():
        machine["cost"] = _cents(machine["cost"])
    return {"days": [str(day) for day in days], "machines": [rows[place] for place in sorted(rows)]}


def span(rows: Sequence[Row]) -> list[date]:
    """Every day from the first of `rows` to the last, charged or not."""
    if not rows:
        return []
    first, last = min(row["charge_date"] for row in rows), max(row["charge_date"] for row in rows)
    return [first + timedelta(days=back) for back in range((last - first).days + 1)]


def _cents(value: float | None) -> float:
    return round(float(value or 0.0), 2)
