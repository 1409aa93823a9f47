"""Add charges other than usage: tax, support, credits, refunds, corrections, and commitments with their fees."""

from dataclasses import replace
from datetime import date

from focuswatch.simulate.bill_calendar import next_month
from focuswatch.simulate.billing_meter_record_and_region_price_factors import Meter
from focuswatch.simulate.meter_catalog import EC2, RDS, fee
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan
from focuswatch.simulate.planned_charge_line import Commitment

SAVINGS_PLANS = "Savings Plans for AWS Compute usage"
# EffectiveCost / On-Demand cost; both are invented for the simulation.
SAVINGS_RATE = 0.72
RESERVED_RATE = 0.63
UNUSED_SHARE = 0.03  # unused share of a well utilized commitment
DAYS_A_MONTH = 30


def add_finance_charges(plan: BillPlan) -> None:
    """Cover part of the instances with commitments, and add fees, taxes, credits and corrections."""
    _cover(plan)
    _support(plan)
    _taxes(plan)
    _credits_and_refunds(plan)
    _restatements(plan)


def _cover(plan: BillPlan) -> None:
    """Cover about every third database with a reservation and every third instance with a Savings Plan."""
    payer = plan.organization.payer
    id = plan.arn(
        "rds", payer.regions[0], payer, f"reserved-instances/{plan.random_id(8)}-{plan.random_id(12)}"
    )
    reserved = Commitment(id, "db.r6g.large 1yr No Upfront", "Reserved", "Used", RESERVED_RATE)
    id = plan.arn("savingsplans", None, payer, f"savingsplan/{plan.random_id(8)}-{plan.random_id(12)}")
    saving = Commitment(id, "Compute 1yr No Upfront", "Savings Plan", "Used", SAVINGS_RATE)
    for service, used in ((RDS, reserved), (EC2, saving)):
        daily = 0.0
        for number, line in enumerate(plan.lines):
            always_on = "Usage:" in line.meter.meter and line.daily == 24 and line.meter.service == service
            if always_on and line.account in plan.organization.of("steady") and plan.rng.random() < 1 / 3:
                plan.lines[number] = replace(line, commitment=used)
                daily += line.daily * line.contracted_price * used.rate
        pay_for(plan, payer, used, service=service, daily=daily, unused_share=UNUSED_SHARE)


def savings_fee() -> Meter:
    return fee(
        SAVINGS_PLANS,
        code="ComputeSavingsPlans",
        meter="ComputeSP:1yrNoUpfront",
        description="1 year Savings Plan",
    )


def pay_for(
    plan: BillPlan,
    owner: SimulatedAccount,
    used: Commitment,
    *,
    service: str,
    daily: float,
    unused_share: float,
    since: date | None = None,
) -> None:
    """Charge the owner for a commitment of which `daily` USD are used per day.

    The share `unused_share` is unused from `since` on, or throughout the bill. If it is 1, `daily` is the unused cost.
    """
    total = daily / (1 - unused_share) if unused_share < 1 else daily
    meter, region = savings_fee(), None
    if used.kind == "Reserved":
        code = "AmazonRDS" if service == RDS else "AmazonEC2"
        text = f"Recurring fee for {used.name}"
        meter = fee(service, code=code, meter="{p}HeavyUsage:" + used.name.split()[0], description=text)
        region = owner.regions[0]
    monthly = used.kind == "Reserved"
    bought = {"category": "Purchase", "frequency": "Recurring", "commitment": replace(used, status=None)}
    amount = total * DAYS_A_MONTH if monthly else total
    plan.charge(owner, meter, region, resource=used.id, daily=amount, monthly=monthly, **bought)
    if unused_share > 0:
        unused = replace(used, status="Unused", rate=1.0)
        first = since or plan.calendar.first
        wasted = total * unused_share
        plan.charge(owner, meter, region, resource=used.id, daily=wasted, first=first, commitment=unused)


def _support(plan: BillPlan) -> None:
    """Add support fees, charged on the first of the month for the whole month."""
    for account in plan.organization.of("steady", "shared"):
        if account.environment == "prod" and account.name != "log-archive":
            amount = round(plan.rng.uniform(100, 900))
            options = {"monthly": True, "category": "Purchase", "frequency": "Recurring"}
            plan.charge(account, "support", None, daily=amount, **options)


def _taxes(plan: BillPlan) -> None:
    """Add taxes that are charged to the payer as a whole, and taxes of some accounts."""
    options = {"price": 1.0, "monthly": True, "category": "Tax", "frequency": "One-Time"}
    for meter in ("s3_storage", "rds_hours", "volume_gp3", "lambda_seconds"):
        plan.charge(None, meter, None, daily=plan.rng.uniform(500, 2500), **options)
    for account in plan.organization.of("steady")[:6]:
        plan.charge(account, "s3_storage", None, daily=plan.rng.uniform(20, 90), **options)


def _credits_and_refunds(plan: BillPlan) -> None:
    for account in plan.rng.sample(plan.organization.of("steady"), 5):
        options = {"price": -1.0, "category": "Credit", "frequency": "One-Time", "noise": 0.1}
        plan.charge(account, "s3_storage", account.regions[0], daily=plan.rng.uniform(2, 15), **options)
    account = plan.random_account()
    span = {"first": plan.calendar.ago(25), "last": plan.calendar.ago(24)}
    options = {"price": -1.0, "category": "Adjustment", "frequency": "One-Time", "correction": True} | span
    plan.charge(account, "rds_hours", account.regions[0], daily=260.0, **options)


def _restatements(plan: BillPlan) -> None:
    """Correct each month's last days after it closed, in its own billing period and in the next one."""
    for month in plan.calendar.months()[:-1]:
        last = next_month(month)
        first = plan.calendar.day(plan.calendar.index(last) - 3)
        for meter, daily, later in (("s3_requests", 300_000.0, False), ("nat_bytes", -4.0, True)):
            account = plan.random_account()
            options = {"first": first, "last": last, "correction": True, "billed_a_month_later": later}
            plan.charge(account, meter, account.regions[0], daily=daily, **options)
