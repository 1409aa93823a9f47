"""Build the data of the page's daily charts: AI spend by layer, cost of findings, and GPU utilization.

Each list has one value per day.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from focuswatch.engines import Row
from focuswatch.findings.cost_increase_explanation_models import OperationalEvent
from focuswatch.findings.finding import Finding
from focuswatch.findings.match_operational_events_to_services_and_resources import is_about
from focuswatch.reports.page.query_page_data import PageData, Part

LAYERS = (
    "model inference",
    "retrieval",
    "orchestration and compute",
    "observability",
    "tools and data",
)
MOST_DAY_EVENTS = 3  # operational events listed in the mark of a day
# Evidence columns with the first and last anomalous day, in order of preference. `strange_…` are former names.
ANOMALOUS_DAYS = (
    ("anomalous_from", "anomalous_until"),
    ("strange_from", "strange_until"),
    ("peak_day", "last_day"),
    ("first_day", "last_day"),
)


def layers_chart(page_data: PageData) -> Part:
    """Return the daily cost of each of the five layers, and the part of it that a filter on Amazon Bedrock shows."""
    days = days_of(page_data.layer_days)
    costs = {layer: [0.0] * len(days) for layer in LAYERS}
    bedrock = [0.0] * len(days)
    for row in page_data.layer_days:
        index = (row["charge_date"] - days[0]).days
        costs[row["layer"]][index] = _cents(row["effective_cost"])
        bedrock[index] += row["seen_by_bedrock_filter"] or 0.0
    month = {row["layer"]: row for row in page_data.reports.get("ai_spend_by_layer", [])}
    return {
        "days": [str(day) for day in days],
        "layers": [{"layer": layer, "costs": costs[layer]} for layer in LAYERS],
        "other_providers": page_data.other_providers,
        "bedrock_filter": [_cents(cost) for cost in bedrock],
        "month": [_month(layer, month.get(layer, {})) for layer in LAYERS] if month else [],
    }


def _month(layer: str, row: Row) -> Part:
    amounts = ("effective_cost", "effective_cost_before", "seen_by_bedrock_filter")
    counts = {"layer": layer, "sub_accounts": row.get("sub_accounts", 0)}
    return counts | {name: _cents(row.get(name)) for name in amounts}


def finding_charts(page_data: PageData) -> dict[str, Part]:
    """Return the daily cost of findings with their anomalous days and expected cost, by fingerprint."""
    rows_by_finding: dict[str, list[Row]] = {}
    for row in page_data.finding_days:
        rows_by_finding.setdefault(row["fingerprint"], []).append(row)
    findings = {entry.fingerprint: entry.finding for entry in page_data.entries}
    return {
        fingerprint: _finding_chart(findings[fingerprint], rows, events=page_data.events)
        for fingerprint, rows in sorted(rows_by_finding.items())
    }


def _finding_chart(
    finding: Finding, rows: Sequence[Row], *, events: Mapping[str, Sequence[OperationalEvent]]
) -> Part:
    days = days_of(rows)
    costs = [0.0] * len(days)
    for row in rows:
        costs[(row["charge_date"] - days[0]).days] = _cents(row["effective_cost"])
    first, last = anomalous_days(finding)
    return {
        "expected": finding.evidence.get("daily_expected"),
        "anomalous_from": first,
        "anomalous_until": last,
        "first_day": str(days[0]),
        "costs": costs,
        "events": _event_marks(finding, days, events=events),
    }


def _event_marks(
    finding: Finding, days: Sequence[date], *, events: Mapping[str, Sequence[OperationalEvent]]
) -> list[Part]:
    """Return a mark for each day with operational events of the chart's service or resource, oldest first."""
    drivers = finding.explanation.parts if finding.explanation else ()
    services = {finding.service_name} if finding.service_name else {part.service_name for part in drivers}
    resources = {finding.resource_id, *(part.resource_id for part in drivers)} - {None}
    marks: dict[date, list[str]] = {}
    for event in reversed(events.get(finding.sub_account_id or "", ())):
        if event.at.date() in days and is_about(
            event, services=services, resources=resources, regions=[finding.region_id]
        ):
            about = f": {event.reference}" if event.reference else ""
            marks.setdefault(event.at.date(), []).append(f"{event.at:%H:%M} UTC {event.kind}{about}")
    return [
        {"day": str(day), "events": texts[:MOST_DAY_EVENTS], "more": max(len(texts) - MOST_DAY_EVENTS, 0)}
        for day, texts in marks.items()
    ]


def anomalous_days(finding: Finding) -> tuple[str | None, str | None]:
    """Return the first and last anomalous day of the evidence; None for both if the evidence does not name them."""
    for first, last in ANOMALOUS_DAYS:
        if finding.evidence.get(first) and finding.evidence.get(last):
            return str(finding.evidence[first]), str(finding.evidence[last])
    return None, None


def gpu_chart(page_data: PageData) -> Part:
    """Return GPU hours and utilization by day, a row per machine, highest cost first.

    Utilization is None on days without GPU hours or without a metric.
    """
    days = days_of(page_data.gpu_days)
    machines: dict[int, Part] = {}
    for row in page_data.gpu_days:
        machine = machines.setdefault(row["place"], _machine(row, page_data=page_data, days=len(days)))
        index = (row["charge_date"] - days[0]).days
        machine["cost"] += row["effective_cost"] or 0.0
        machine["hours"][index] += round(row["gpu_hours"] or 0.0, 1)
        if row["utilization"] is not None:
            machine["utilization"][index] = round(row["utilization"], 1)
    for machine in machines.values():
        machine["cost"] = _cents(machine["cost"])
    return {"days": [str(day) for day in days], "machines": [machines[place] for place in sorted(machines)]}


def _machine(row: Row, *, page_data: PageData, days: int) -> Part:
    account = row["sub_account_id"]
    return {
        "account": page_data.account_names.get(account, account),
        "region": row["region_id"],
        "resource": row["resource_id"],
        "instance_types": row["instance_types"],
        "cost": 0.0,
        "hours": [0.0] * days,
        "utilization": [None] * days,
    }


def days_of(rows: Sequence[Row]) -> list[date]:
    """Return every day from the first to the last day of `rows`, including days without charges."""
    if not rows:
        return []
    first, last = min(row["charge_date"] for row in rows), max(row["charge_date"] for row in rows)
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def _cents(value: float | None) -> float:
    return round(float(value or 0.0), 2)
