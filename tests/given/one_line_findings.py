"""Create findings and scans in one line of a test."""

from datetime import date, timedelta
from decimal import Decimal

from focuswatch.catalog.sql_header_models import Category
from focuswatch.findings.compute_finding_amounts_and_event_end import DAYS_A_MONTH
from focuswatch.findings.finding import Finding, fingerprint
from focuswatch.findings.severity import severity_of
from focuswatch.findings.verified_saving_record import VerifiedSaving
from focuswatch.ledger import DetectionRun

DAY = date(2026, 3, 31)


def finding(
    resource: str | None = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/old",
    *,
    cost: str = "345.6",
    on: date = DAY,
    detection: str = "idle_sagemaker_endpoint",
    account: str | None = "111122223333",
    tags: dict[str, str] | None = None,
    team: str | None = None,
    category: Category = "waste",
) -> Finding:
    """Return a finding; two findings differ only in the arguments that differ."""
    identity = {
        "sub_account_id": account,
        "region_id": "us-east-1",
        "service_name": "s",
        "resource_id": resource,
    }
    return Finding(
        detection=detection,
        fingerprint=fingerprint(detection, identity),
        category=category,
        severity=severity_of(category, Decimal(cost)),
        status="new",
        sub_account_id=account,
        sub_account_name=None,
        region_id="us-east-1",
        resource_id=resource,
        service_name="s",
        team=team,
        owned_by="account" if team else "fallback",
        monthly_cost=Decimal(cost),
        currency="USD",
        title="A title",
        reason="A reason",
        action="1. An action",
        evidence={"tags": tags},
        first_seen=on,
        last_seen=on,
        as_of=on,
    )


def saving_of(finding: Finding, *, saved: str, on: date = DAY) -> VerifiedSaving:
    """Return the verified saving of a finding that was resolved on a day; the rest of its cost is still charged."""
    expected = finding.monthly_cost / DAYS_A_MONTH
    return VerifiedSaving(
        since=on,
        measured_from=on + timedelta(days=2),
        measured_until=on + timedelta(days=4),
        daily_cost=expected - Decimal(saved),
        daily_saving=Decimal(saved),
        expected_daily_saving=expected,
    )


def run(
    *findings: Finding, on: date = DAY, ran: tuple[str, ...] = ("idle_sagemaker_endpoint",), **reach: object
) -> DetectionRun:
    """Return a run with these findings, which evaluated all accounts and resources unless `reach` limits it."""
    return DetectionRun(as_of=on, findings={one.fingerprint: one for one in findings}, ran=ran, **reach)  # type: ignore[arg-type]
