"""Plant unusual GPU usage, and GPU usage that is normal for its account."""

from typing import Any

from focuswatch.simulate.billing_meter_record_and_region_price_factors import Meter
from focuswatch.simulate.meter_catalog import ec2, sagemaker
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan, Identity
from focuswatch.simulate.planned_charge_line import FLAT, SATURDAYS, Commitment
from focuswatch.simulate.recognize_planned_gpu_token_and_transfer_lines import is_gpu
from focuswatch.simulate.resource_tags import team_tag

DETECTION = "gpu_burst"
RHYTHM = "an account's regular training rhythm"


def plant_gpu_bursts(plan: BillPlan) -> None:
    for meter, daily, ago, days, note in (
        (ec2("p4d.24xlarge"), 96.0, 4, 4, "four large machines, at home"),
        (ec2("g5.xlarge", spot=True), 480.0, 1, 1, "spot, yesterday, in a region new to the account"),
        (ec2("g4dn.xlarge"), 24.0, 6, 2, "one small machine for two days"),
        (sagemaker("Train", "ml.p4d.24xlarge"), 48.0, 3, 1, "training jobs in an account without any"),
        (ec2("g5.12xlarge"), 240.0, 30, 3, "a month ago"),
    ):
        account, region = _without_gpu(plan)
        region = plan.unused_region(account) if "new to the account" in note else region
        first, last = plan.calendar.ago(ago), plan.calendar.ago(ago - days)
        identity = _gpus(plan, account, region, meter, daily=daily, first=first, last=last)
        plan.at_once(DETECTION, identity, since=first, until=last, shown_on=first, note=note)
    account, region = _without_gpu(plan)
    first, last = plan.calendar.ago(5), plan.calendar.ago(3)
    _gpus(plan, account, region, ec2("g5.xlarge"), daily=24)
    identity = _gpus(plan, account, region, ec2("g5.xlarge"), daily=240, first=first, last=last)
    note = "eleven times what the account ever ran"
    plan.at_once(DETECTION, identity, since=first, until=last, shown_on=first, note=note)
    _rhythms(plan)
    _grown(plan)
    _planned(plan)


def _without_gpu(plan: BillPlan) -> tuple[SimulatedAccount, str]:
    """Return an account and one of its regions without GPU usage."""
    having = {(line.account.id, line.region) for line in plan.lines if line.account and is_gpu(line)}
    free = [
        (account, region)
        for account in plan.organization.of("steady")
        for region in account.regions
        if (account.id, region) not in having
    ]
    return plan.rng.choice(free)


def _gpus(
    plan: BillPlan, account: SimulatedAccount, region: str, meter: Meter, *, daily: float, **options: Any
) -> Identity:
    job = plan.arn("sagemaker", region, account, f"training-job/job-{plan.random_id(8)}")
    resource = plan.instance(account, region) if meter.code == "AmazonEC2" else job
    tags = {} if "team" in account.tags else team_tag(account)
    plan.charge(account, meter, region, resource=resource, daily=daily, tags=tags, **options)
    return (account.id, region, None, None)


def _rhythms(plan: BillPlan) -> None:
    for meter, daily, every, week, note in (
        (ec2("p4d.24xlarge", spot=True), 20.0, 1, SATURDAYS, "trains every Saturday"),
        (sagemaker("TrSpt", "ml.g5.2xlarge"), 36.0, 14, FLAT, "trains every second week"),
    ):
        account, region = _without_gpu(plan)
        identity = _gpus(plan, account, region, meter, daily=daily, week=week, every=every, noise=0.1)
        plan.hard_negative(DETECTION, identity, kind=RHYTHM, note=note)


def _grown(plan: BillPlan) -> None:
    account, region = _without_gpu(plan)
    first, last = plan.calendar.ago(4), plan.calendar.ago(3)
    _gpus(plan, account, region, ec2("g4dn.xlarge"), daily=20, noise=0.05)
    identity = _gpus(plan, account, region, ec2("g4dn.xlarge"), daily=28, first=first, last=last)
    plan.hard_negative(
        DETECTION, identity, since=first, until=last, kind=RHYTHM, note="2.4 times its own maximum"
    )
    account, region = _without_gpu(plan)
    first = plan.calendar.day(9)
    identity = _gpus(plan, account, region, ec2("g4dn.xlarge"), daily=24, first=first)
    kind = "the first 14 days of the bill"
    plan.hard_negative(DETECTION, identity, since=first, kind=kind, note="where the bill begins")


def _planned(plan: BillPlan) -> None:
    id = plan.arn("ec2", "us-east-1", plan.organization.payer, f"reserved-instances/{plan.random_id(8)}")
    reserved = Commitment(id, "g6.xlarge 1yr No Upfront", "Reserved", "Used", 0.6)
    block: dict[str, Any] = {"reservation": f"cr-0{plan.random_id(16)}", "price": 0.0}
    first = plan.calendar.ago(4)
    for meter, daily, note, options in (
        (ec2("p5.48xlarge"), 48.0, "a capacity block, paid when it was booked", block),
        (ec2("g6.xlarge"), 24.0, "a reserved instance, from its first day on", {"commitment": reserved}),
    ):
        account, region = _without_gpu(plan)
        identity = _gpus(plan, account, region, meter, daily=daily, first=first, **options)
        kind = "reserved capacity starting on its date"
        plan.hard_negative(DETECTION, identity, since=first, kind=kind, note=note)
