"""Plant training on On-Demand instances, and training that must not be reported."""

from typing import Any

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.everyday.everyday_ai import TRAINING_ACCOUNTS
from focuswatch.simulate.meter_catalog import SAGEMAKER, sagemaker
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan, Identity
from focuswatch.simulate.planned_charge_line import FLAT, SATURDAYS, WORKDAYS, Commitment, Week
from focuswatch.simulate.resource_tags import team_tag

DETECTION = "on_demand_training"


def plant_trainings(plan: BillPlan) -> None:
    _at_full_price(plan)
    _mostly_on_spot(plan)
    _short_jobs(plan)
    _covered_or_over(plan)


def _trainer(plan: BillPlan) -> SimulatedAccount:
    return plan.pick("training", where=lambda account: account.name not in TRAINING_ACCOUNTS)


def _train(
    plan: BillPlan, account: SimulatedAccount, kind: str, instance: str, *, daily: float, **options: Any
) -> None:
    region = account.regions[1]
    job = plan.arn("sagemaker", region, account, f"training-job/{kind.lower()}-{plan.random_id(8)}")
    tags = team_tag(account)
    plan.charge(account, sagemaker(kind, instance), region, resource=job, daily=daily, tags=tags, **options)


def _identity(account: SimulatedAccount) -> Identity:
    return (account.id, account.regions[1], SAGEMAKER, None)


def _at_full_price(plan: BillPlan) -> None:
    cases: tuple[tuple[str, float, Week, float, int, str], ...] = (
        ("ml.m5.2xlarge", 40.0, FLAT, 0.0, 8, "every night, on demand"),
        ("ml.m5.2xlarge", 500.0, SATURDAYS, 0.0, 30, "every Saturday, on demand"),
        ("ml.m5.xlarge", 90.0, WORKDAYS, 20.0, 8, "little Spot usage, much On-Demand"),
    )
    for instance, daily, week, spot, days, note in cases:
        account = _trainer(plan)
        _train(plan, account, "Train", instance, daily=daily, week=week, noise=0.1)
        if spot:
            _train(plan, account, "TrSpt", instance, daily=spot, week=week, noise=0.1)
        plan.incident(DETECTION, _identity(account), note=note, found_after=days + SETTLE_DAYS)


def _mostly_on_spot(plan: BillPlan) -> None:
    account = _trainer(plan)
    _train(plan, account, "Train", "ml.m5.2xlarge", daily=30, noise=0.1)
    _train(plan, account, "TrSpt", "ml.m5.2xlarge", daily=90, noise=0.1)
    note = "three hours in four are spot"
    plan.hard_negative(
        DETECTION, _identity(account), kind="spot (`TrSpt`) already the larger part", note=note
    )


def _short_jobs(plan: BillPlan) -> None:
    """Add sixteen jobs a day of 45 minutes, each with its own name, in the newest 40 days."""
    account = _trainer(plan)
    for ago in range(40, 0, -1):
        day = {"first": plan.calendar.ago(ago), "last": plan.calendar.ago(ago - 1)}
        for _ in range(16):
            _train(plan, account, "Train", "ml.m5.2xlarge", daily=0.75, **day)
    note = "sixteen jobs a day, none of an hour"
    plan.hard_negative(DETECTION, _identity(account), kind="short, small jobs", note=note)


def _covered_or_over(plan: BillPlan) -> None:
    payer, ago = plan.organization.payer, plan.calendar.ago
    id = plan.arn("savingsplans", None, payer, f"savingsplan/{plan.random_id(8)}-{plan.random_id(12)}")
    covered = Commitment(id, "SageMaker 1yr No Upfront", "Savings Plan", "Used", 0.6)
    cases: tuple[tuple[dict[str, Any], str, str], ...] = (
        ({"commitment": covered, "daily": 60}, "hours that a Savings Plan covers", "owed anyhow"),
        ({"first": ago(15), "last": ago(13), "daily": 400}, "one training that is over", "two weeks ago"),
    )
    for options, kind, note in cases:
        account = _trainer(plan)
        _train(plan, account, "Train", "ml.m5.2xlarge", **options)
        plan.hard_negative(DETECTION, _identity(account), kind=kind, note=note)
