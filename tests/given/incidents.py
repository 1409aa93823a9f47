"""Findings with the same cause: anomalies and security findings with cost drivers, as a scan returns them."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.catalog.sql_header_models import Category
from focuswatch.findings.cost_increase_explanation_models import CostDriver, Explanation
from focuswatch.findings.finding import Finding, fingerprint
from focuswatch.findings.lead_order_and_incident_properties_of_detections import incident_rules
from focuswatch.findings.related_finding_and_region_rollout_models import RelatedFinding
from focuswatch.findings.severity import severity_of
from focuswatch.ledger import DetectionRun

MONDAY = date(2026, 6, 1)
ACCOUNT = "111122223333"
EC2 = "Amazon Elastic Compute Cloud"
SECURITY = ("new_region", "new_service", "gpu_burst", "dormant_account_woke", "data_transfer_spike")
CATALOG = Catalog.load()
RULES = incident_rules(CATALOG)
ONCE, EVERY_RUN = ("new_region", "new_service"), ("gpu_burst", "token_burst", "data_transfer_spike")
RAN = (*SECURITY, "cost_anomaly", "token_burst", "idle_floor_service", "security_service_went_dark")


def driver(
    service: str, region: str | None, meter: str, amount: float, resource: str | None = None
) -> CostDriver:
    """Return a cost driver of a service in ACCOUNT."""
    return CostDriver(
        sub_account_id=ACCOUNT,
        service_name=service,
        region_id=region,
        meter=meter,
        operation=None,
        resource_id=resource,
        resources=1,
        excess=Decimal(str(amount)),
        by_price=Decimal(0),
        is_new=True,
    )


def event(
    detection: str,
    *drivers: CostDriver,
    region: str | None = None,
    service: str | None = None,
    resource: str | None = None,
    account: str = ACCOUNT,
    team: str | None = "search",
    first: date = MONDAY,
    days: int = 1,
    as_of: date | None = None,
    cost: float | None = None,
    services: tuple[str, ...] = (),
) -> Finding:
    """Return an anomaly or security finding that starts at `first`; by default its cost is that of its drivers."""
    category: Category = "security" if detection in SECURITY else "anomaly"
    total = Decimal(str(sum(float(one.excess) for one in drivers) if cost is None else cost))
    last = first + timedelta(days=days - 1)
    seen = as_of or last + timedelta(days=1)
    identity = {
        "sub_account_id": account,
        "region_id": region,
        "service_name": service,
        "resource_id": resource,
    }
    evidence: dict[str, Any] = {"first_day": first.isoformat(), "last_day": last.isoformat()}
    if services:
        evidence["services"] = list(services)
    explanation = Explanation(
        first_day=first,
        last_day=last,
        excess=total,
        parts=drivers,
        others=Decimal(0),
        by_volume=total,
        by_price=Decimal(0),
    )
    return Finding(
        detection=detection,
        fingerprint=fingerprint(detection, identity),
        category=category,
        severity=severity_of(category, total),
        status="new",
        sub_account_id=account,
        sub_account_name=None,
        region_id=region,
        resource_id=resource,
        service_name=service,
        team=team,
        owned_by="account" if team else "fallback",
        monthly_cost=total,
        cost_so_far=total,
        monthly_cost_if_continues=total * 30 / days,
        started_on=first,
        currency="USD",
        title=CATALOG.detection(detection).header.title,
        reason="A reason",
        action="1. An action",
        evidence=evidence,
        explanation=explanation if drivers else None,
        first_seen=seen,
        last_seen=seen,
        as_of=seen,
    )


def stolen_key(*, first: date = MONDAY, team: str | None = "search") -> list[Finding]:
    """Return four findings about GPU instances that an attacker started in a new region and a new service."""
    gpus = driver(EC2, "ap-south-1", "BoxUsage:p4d.24xlarge", 2400)
    return [
        event("new_region", gpus, region="ap-south-1", first=first, team=team),
        event("new_service", gpus, service=EC2, first=first, team=team),
        event("cost_anomaly", gpus, service=EC2, first=first, team=team),
        event("gpu_burst", gpus, region="ap-south-1", first=first, team=team),
    ]


def security_rollout(*, accounts: int, regions: int, first: date = MONDAY, teams: int = 3) -> list[Finding]:
    """Return findings about GuardDuty and Config, enabled in regions that are new to accounts of several teams."""
    services = ("AWS Config", "Amazon GuardDuty")
    return [
        event(
            "new_region",
            account=f"{100_000_000_000 + number}",
            region=f"region-{place}",
            cost=0.4,
            first=first,
            services=services,
            team=f"team-{number % teams}",
        )
        for number in range(accounts)
        for place in range(regions)
    ]


def scanned(*findings: Finding, on: date, ran: tuple[str, ...] = RAN, **changes: Any) -> DetectionRun:
    """Return a run with these findings, and with the incident rules of the catalog."""
    return DetectionRun(
        as_of=on,
        findings={one.fingerprint: one for one in findings},
        ran=ran,
        closed_when_not_found=ONCE,
        resolved_without_notification=EVERY_RUN,
        **{"incident_rules": RULES, **changes},
    )


METER, BEDROCK = "Claude4Sonnet-input-tokens-cross-region-global", "Amazon Bedrock Service"


def estimated(*, first: date = MONDAY, cost: float = 500.0, **options: Any) -> Finding:
    """Return an hourly estimate of a model's spend, as live_burn returns it."""
    estimate = event(
        "live_burn", service=BEDROCK, resource="model Claude4Sonnet", first=first, cost=cost, **options
    )
    return estimate.model_copy(update={"evidence": estimate.evidence | {"model": "Claude4Sonnet"}})


def billed(
    detection: str,
    amount: float,
    *,
    meter: str = METER,
    service: str = BEDROCK,
    resource: str | None = None,
    **options: Any,
) -> Finding:
    """Return a finding from the bill whose only cost driver is a meter."""
    drivers = driver(service, "us-east-1", meter, amount, resource)
    return event(detection, drivers, service=service, resource=resource, **options)


def estimated_and_billed() -> tuple[Finding, Finding]:
    """Return the estimate of a spike, and the finding about the spike in the bill, which has a lower cost."""
    return estimated(), billed("token_burst", 400)


def with_critical_finding(lead: Finding) -> Finding:
    """Return the lead of an incident with another finding, whose severity is critical."""
    related = RelatedFinding(
        fingerprint="2" * 20,
        detection="gpu_burst",
        category="security",
        severity="critical",
        title="Unusual GPU usage",
        sub_account_id=ACCOUNT,
        sub_account_name=None,
        region_id="us-east-1",
        service_name=EC2,
        resource_id=None,
        cost=Decimal(100),
    )
    return lead.model_copy(update={"incident_lead": True, "also_detected": (related,), "related_findings": 1})
