"""Plant EBS volumes left without instances, and volumes in a region with compute."""

from typing import Any

from focuswatch.simulate.billing_meter_record_and_region_price_factors import Meter
from focuswatch.simulate.everyday.everyday_usage import volume
from focuswatch.simulate.everyday.security_services import charge_security_services
from focuswatch.simulate.meter_catalog import EC2, ec2, sagemaker
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan, Identity
from focuswatch.simulate.planned_charge_line import Commitment
from focuswatch.simulate.resource_tags import team_tag

DETECTION = "abandoned_volume"
LOOKBACK = 14


def plant_volumes(plan: BillPlan) -> None:
    _abandoned(plan)
    _with_compute(plan)
    _too_small(plan)


def _empty_region(plan: BillPlan) -> tuple[SimulatedAccount, str]:
    """Return an account and one of its regions in which only security services are charged."""
    account = plan.random_account()
    region = plan.unused_region(account)
    charge_security_services(plan, account, region, meters=("guardduty", "cloudtrail", "config"))
    return account, region


def _machine(
    plan: BillPlan, account: SimulatedAccount, region: str, meter: Meter, *, daily: float, **options: Any
) -> None:
    job = plan.arn("sagemaker", region, account, f"training-job/job-{plan.random_id(8)}")
    resource = plan.instance(account, region) if meter.code == "AmazonEC2" else job
    plan.charge(account, meter, region, resource=resource, daily=daily, tags=team_tag(account), **options)


def _volume(
    plan: BillPlan, account: SimulatedAccount, region: str, gigabytes: float, **options: Any
) -> Identity:
    return (account.id, region, EC2, volume(plan, account, region, gigabytes=gigabytes, **options))


def _abandoned(plan: BillPlan) -> None:
    account, region = _empty_region(plan)
    for gigabytes in (500, 1000):
        identity = _volume(plan, account, region, gigabytes)
        plan.after_lookback(
            DETECTION, identity, lookback=LOOKBACK, note="no machine there since the bill began"
        )

    account, region = _empty_region(plan)
    last = plan.calendar.ago(plan.rng.randrange(30, 45))
    _machine(plan, account, region, ec2("g5.xlarge"), daily=24, last=last)
    identity = _volume(plan, account, region, 2000)
    plan.after_lookback(
        DETECTION, identity, lookback=LOOKBACK, since=last, note="left by GPU work that ended"
    )

    account, region = _empty_region(plan)
    last = plan.calendar.ago(16)
    _machine(plan, account, region, ec2("m6i.large"), daily=24, last=last)
    identity = _volume(plan, account, region, 400, meter="volume_io2")
    note = "its machine left exactly a lookback ago"
    plan.after_lookback(DETECTION, identity, lookback=LOOKBACK, since=last, note=note)


def _with_compute(plan: BillPlan) -> None:
    """Add volumes in regions with compute on one day of the lookback.

    The compute also ran 80 days earlier, so that it is not a first charge.
    """
    ago = plan.calendar.ago
    id = plan.arn("ec2", "eu-west-2", plan.organization.payer, f"reserved-instances/{plan.random_id(8)}")
    reserved = Commitment(id, "m6i.large 1yr No Upfront", "Reserved", "Used", 0.6)
    cases: tuple[tuple[Meter, str, int, dict[str, Any]], ...] = (
        (ec2("m6i.large"), "an instance for an hour", 16, {}),
        (ec2("c6i.xlarge", spot=True), "a spot instance", 3, {}),
        (sagemaker("Train", "ml.m5.large"), "a SageMaker training job", 10, {}),
        (ec2("m6i.large"), "a reserved instance", 8, {"commitment": reserved}),
    )
    for meter, note, day, options in cases:
        account, region = _empty_region(plan)
        days = (day + 80, day)
        for since in days:
            _machine(plan, account, region, meter, daily=1, first=ago(since), last=ago(since - 1), **options)
        identity = _volume(plan, account, region, 600)
        plan.hard_negative(DETECTION, identity, kind="any compute there", note=f"{note}, {day} days ago")
        used_on = [ago(since) for since in days]
        note = "no machine there between two days"
        plan.after_lookback(DETECTION, identity, lookback=LOOKBACK, used_on=used_on, note=note)


def _too_small(plan: BillPlan) -> None:
    account, region = _empty_region(plan)
    snapshot = plan.arn("ec2", region, account, f"snapshot/snap-0{plan.random_id(16)}")
    plan.charge(account, "snapshot", region, resource=snapshot, daily=3000 / 30)
    of_snapshot = (account.id, region, EC2, snapshot)
    plan.hard_negative(DETECTION, of_snapshot, kind="snapshots", note="a large snapshot and no machine")
    born = plan.calendar.ago(15)
    identity = _volume(plan, account, region, 600, first=born)
    kind = "volume younger than the lookback"
    plan.hard_negative(DETECTION, identity, since=born, kind=kind, note="thirteen settled days old")
    identity = _volume(plan, account, region, 8)
    plan.hard_negative(DETECTION, identity, kind="waste under 1 a month", note="eight gigabytes of gp3")
