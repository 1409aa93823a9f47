"""Plant underutilized commitments, and well utilized ones."""

from dataclasses import dataclass
from typing import Literal

from focuswatch.simulate.everyday.finance_charges import SAVINGS_PLANS, pay_for, savings_fee
from focuswatch.simulate.meter_catalog import EC2, RDS, ec2, meters
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan, Identity
from focuswatch.simulate.planned_charge_line import Commitment
from focuswatch.simulate.resource_tags import team_tag

DETECTION = "unused_commitment"
LOOKBACK = 7
RATE = 0.6  # EffectiveCost / On-Demand cost; invented for the simulation


@dataclass(frozen=True)
class _Case:
    """A commitment of which `daily` USD are used per day, or are unused if `unused_share` is 1.

    `since` is the number of days ago when the unused share began; None: on the first day of the bill.
    """

    kind: Literal["Reserved", "Savings Plan"]
    name: str
    service: str
    daily: float
    unused_share: float
    note: str
    since: int | None = None


UNUSED = (
    _Case("Reserved", "m6i.2xlarge 1yr No Upfront", EC2, 12.0, 0.42, "two in five hours unused"),
    _Case("Savings Plan", "Compute 3yr No Upfront", SAVINGS_PLANS, 60.0, 0.25, "a quarter unused"),
    _Case("Reserved", "p3.2xlarge 1yr No Upfront", EC2, 46.0, 1.0, "GPUs reserved and never started"),
    _Case(
        "Reserved", "db.r6g.large 1yr No Upfront", RDS, 9.0, 0.3, "unused since its databases moved", since=35
    ),
)
USED = (
    _Case("Reserved", "m7g.xlarge 1yr No Upfront", EC2, 20.0, 0.0, "used to the last hour"),
    _Case("Savings Plan", "Compute 1yr Partial Upfront", SAVINGS_PLANS, 80.0, 0.05, "a twentieth unused"),
    _Case("Reserved", "t3.medium 1yr No Upfront", EC2, 2.0, 0.3, "a third unused, under 50 a month"),
)


def plant_commitments(plan: BillPlan) -> None:
    for case in UNUSED:
        since = plan.calendar.ago(case.since) if case.since else None
        identity = _committed(plan, case)
        plan.after_lookback(DETECTION, identity, lookback=LOOKBACK, since=since, note=case.note)
    for case in USED:
        plan.hard_negative(DETECTION, _committed(plan, case), kind="used commitments", note=case.note)
    _bought_lately(plan)


def _buyer(plan: BillPlan) -> SimulatedAccount:
    return plan.pick("commitment", where=lambda account: account.environment == "prod")


def _committed(plan: BillPlan, case: _Case) -> Identity:
    """Add a commitment, purchased by the account that uses it."""
    account = _buyer(plan)
    region: str | None = account.regions[0]
    code = "rds" if case.service == RDS else "ec2"
    path = f"{plan.random_id(8)}-{plan.random_id(12)}"
    id = plan.arn(code, region, account, f"reserved-instances/{path}")
    if case.kind == "Savings Plan":
        id, region = plan.arn("savingsplans", None, account, f"savingsplan/{path}"), None
    used = Commitment(id, case.name, case.kind, "Used", RATE)
    if case.unused_share < 1:
        machine = meters()["rds_hours"] if case.service == RDS else ec2("m6i.2xlarge")
        place = account.regions[0]
        options = {"resource": plan.instance(account, place), "commitment": used, "tags": team_tag(account)}
        line = plan.charge(account, machine, place, daily=1.0, **options)
        plan.resize(line, daily=case.daily / (line.contracted_price * RATE))
    since = plan.calendar.ago(case.since) if case.since else None
    share = case.unused_share
    pay_for(plan, account, used, service=case.service, daily=case.daily, unused_share=share, since=since)
    return (account.id, region, case.service, id)


def _bought_lately(plan: BillPlan) -> None:
    """Add a purchase of this week, which is not waste, a new service or an anomaly."""
    account, day = _buyer(plan), plan.calendar.ago(4)
    id = plan.arn("savingsplans", None, account, f"savingsplan/{plan.random_id(8)}-{plan.random_id(12)}")
    bought = Commitment(id, "Compute 1yr All Upfront", "Savings Plan", None)
    options = {"category": "Purchase", "frequency": "One-Time", "first": day, "last": plan.calendar.ago(3)}
    plan.charge(account, savings_fee(), None, resource=id, daily=9000, commitment=bought, **options)
    for detection, resource, kind in (
        (DETECTION, id, "purchase rows themselves"),
        ("new_service", None, "a commitment's purchase"),
        ("cost_anomaly", None, "month-start purchases and fees"),
    ):
        identity = (account.id, None, SAVINGS_PLANS, resource)
        plan.hard_negative(detection, identity, since=day, kind=kind, note="9000 on one day, four days ago")
