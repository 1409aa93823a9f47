"""Findings of one cause: events with cost drivers, as a scan states them."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.catalog.sql_header_fields import Category
from focuswatch.findings.explanation import CostDriver, Explanation
from focuswatch.findings.finding import Finding, fingerprint, severity_of
from focuswatch.findings.same_cause import incident_rules
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
    """A cost driver of an account's service."""
    return CostDriver(
        sub_account_id=ACCOUNT, service_name=service, region_id=region, meter=meter, operation=None,
        resource_id=resource, resources=1, excess=Decimal(str(amount)), by_price=Decimal(0), is_new=True,
    )  # fmt: skip


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
    """An anomaly or security finding from `first` on; its cost is that of its drivers unless stated."""
    category: Category = "security" if detection in SECURITY else "anomaly"
    total = Decimal(str(sum(float(one.excess) for one in drivers) if cost is None else cost))
    last = first + timedelta(days=days - 1)
    seen = as_of or last + timedelta(days=1)
    identity = {
        "sub_account_id": account, "region_id": region, "service_name": service, "resource_id": resource,
    }  # fmt: skip
    evidence: dict[str, Any] = {"first_day": first.isoformat(), "last_day": last.isoformat()}
    if services:
        evidence["services"] = list(services)
    explanation = Explanation(
        first_day=first, last_day=last, excess=total, parts=drivers, others=Decimal(0), by_volume=total,
        by_price=Decimal(0),
    )  # fmt: skip
    return Finding(
        detection=detection, fingerprint=fingerprint(detection, identity), category=category,
        severity=severity_of(category, total), status="new", sub_account_id=account,
        sub_account_name=None, region_id=region, resource_id=resource, service_name=service, team=team,
        owned_by="account" if team else "fallback", monthly_cost=total, cost_so_far=total,
        monthly_cost_if_continues=total * 30 / days, started_on=first, currency="USD",
        title=CATALOG.detection(detection).header.title, reason="A reason", action="1. An action",
        evidence=evidence, explanation=explanation if drivers else None, first_seen=seen, last_seen=seen,
        as_of=seen,
    )  # fmt: skip


def stolen_key(*, first: date = MONDAY, team: str | None = "search") -> list[Finding]:
    """Four findings about GPU instances that someone started in a region and a service that are new."""
    gpus = driver(EC2, "ap-south-1", "BoxUsage:p4d.24xlarge", 2400)
    return [
        event("new_region", gpus, region="ap-south-1", first=first, team=team),
        event("new_service", gpus, service=EC2, first=first, team=team),
        event("cost_anomaly", gpus, service=EC2, first=first, team=team),
        event("gpu_burst", gpus, region="ap-south-1", first=first, team=team),
    ]


def security_rollout(*, accounts: int, regions: int, first: date = MONDAY, teams: int = 3) -> list[Finding]:
    """GuardDuty and Config enabled in regions that are new to many accounts of several teams."""
    services = ("AWS Config", "Amazon GuardDuty")
    return [
        event(
            "new_region", account=f"{100_000_000_000 + number}", region=f"region-{place}", cost=0.4, first=first,
            services=services, team=f"team-{number % teams}",
        )
        for number in range(accounts)
        for place in range(regions)
    ]  # fmt: skip


def scanned(*found: Finding, on: date, ran: tuple[str, ...] = RAN, **changes: Any) -> DetectionRun:
    """A run that found these, with incidents as in the catalog."""
    return DetectionRun(
        as_of=on, findings={one.fingerprint: one for one in found}, ran=ran, notified_once=ONCE,
        notified_each_time=EVERY_RUN, **{"incident_rules": RULES, **changes},
    )  # fmt: skip


METER, BEDROCK = "Claude4Sonnet-input-tokens-cross-region-global", "Amazon Bedrock Service"


def estimated(*, first: date = MONDAY, cost: float = 500.0, **options: Any) -> Finding:
    """An hourly estimate of a model, as live_burn states it."""
    found = event(
        "live_burn", service=BEDROCK, resource="model Claude4Sonnet", first=first, cost=cost, **options
    )
    return found.model_copy(update={"evidence": found.evidence | {"model": "Claude4Sonnet"}})


def billed(
    detection: str,
    amount: float,
    *,
    meter: str = METER,
    service: str = BEDROCK,
    resource: str | None = None,
    **options: Any,
) -> Finding:
    """A finding of the bill whose largest cost driver is a meter."""
    drivers = driver(service, "us-east-1", meter, amount, resource)
    return event(detection, drivers, service=service, resource=resource, **options)


def estimated_and_billed() -> tuple[Finding, Finding]:
    """The estimate of a spike, and the spike on the bill, which costs less."""
    return estimated(), billed("token_burst", 400)
