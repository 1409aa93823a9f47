"""Everyday charges of security services: GuardDuty, CloudTrail, Config, Security Hub, Inspector."""

from typing import Any

from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan

SECURITY_SERVICES = {  # daily quantity in an account of scale 1
    "guardduty": 400_000,
    "cloudtrail": 500_000,
    "config": 250,
    "securityhub": 900,
    "inspector": 12 / 30,
}


def charge_security_services(
    plan: BillPlan,
    account: SimulatedAccount,
    region: str,
    *,
    scale: float = 0.3,
    meters: tuple[str, ...] = tuple(SECURITY_SERVICES),
    **options: Any,
) -> None:
    """Add charges of security services, on every day unless `options` state otherwise."""
    for meter in meters:
        detector = plan.arn("guardduty", region, account, f"detector/{plan.random_id(16)}")
        resource = detector if meter == "guardduty" else None
        swing = {"noise": 0.06, "sway": 0.03, "resource": resource} | options
        plan.charge(account, meter, region, daily=SECURITY_SERVICES[meter] * scale, **swing)
