"""Plant internet egress spikes, and egress that must not be reported."""

from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan
from focuswatch.simulate.planned_charge_line import Week
from focuswatch.simulate.recognize_planned_gpu_token_and_transfer_lines import (
    is_gpu,
    is_instance_hours,
    is_internet_out,
)

DETECTION = "data_transfer_spike"
HISTORY_DAYS = 28
FRIDAYS: Week = (0, 0, 0, 0, 1, 0, 0)


def plant_transfers(plan: BillPlan) -> None:
    for meter, ago, days, gigabytes, note in (
        ("out_s3", 5, 1, 6000.0, "a bucket copied out in a day"),
        ("out_ec2", 6, 3, 3500.0, "three days through a machine"),
        ("out_api", 1, 1, 9000.0, "yesterday, through an API"),
        ("out_s3", 40, 2, 5000.0, "six weeks ago"),
    ):
        account = _sender(plan, "prod")
        first, last = plan.calendar.ago(ago), plan.calendar.ago(ago - days)
        plan.charge(account, meter, account.regions[0], daily=gigabytes, first=first, last=last)
        identity = (account.id, None, None, None)
        plan.at_once(DETECTION, identity, since=first, until=last, history=HISTORY_DAYS, note=note)
    _shared_by_compute(plan)
    _rhythm_and_small_volume(plan)
    _not_the_internet(plan)


def _sender(plan: BillPlan, environment: str) -> SimulatedAccount:
    return plan.pick("traffic", where=lambda account: account.environment == environment)


def _explained(plan: BillPlan, account: SimulatedAccount, *, ago: int, kind: str, note: str) -> None:
    since = plan.calendar.ago(ago)
    plan.hard_negative(DETECTION, (account.id, None, None, None), since=since, kind=kind, note=note)


def _sent(plan: BillPlan, account: SimulatedAccount) -> float:
    return sum(line.daily for line in plan.lines if line.account is account and is_internet_out(line))


def _shared_by_compute(plan: BillPlan) -> None:
    """Run nine times the instances for two days, and send more data with them.

    The account has no GPUs, because nine times as many would be unusual GPU usage.
    """
    with_gpu = {line.account.id for line in plan.lines if line.account and is_gpu(line)}
    account = plan.pick(
        "traffic", where=lambda account: account.environment == "dev" and account.id not in with_gpu
    )
    own = [line for line in plan.lines if line.account is account and line.last == plan.calendar.as_of]
    span = {"first": plan.calendar.ago(5), "last": plan.calendar.ago(3)}
    for line in own:
        if is_instance_hours(line) and line.meter.code == "AmazonEC2" and line.region:
            options = {"resource": plan.instance(account, line.region), "tags": line.tags} | span
            plan.charge(account, line.meter, line.region, daily=8 * line.daily, **options)
    sent = [line for line in own if is_internet_out(line)]
    week = {"week": sent[0].week}  # makes the increase equally large on any weekday
    plan.charge(
        account, "out_ec2", account.regions[0], daily=4.5 * sum(line.daily for line in sent), **span, **week
    )
    note = "a load test: machines and bytes alike"
    _explained(plan, account, ago=5, kind="growth that compute shares", note=note)


def _rhythm_and_small_volume(plan: BillPlan) -> None:
    account = _sender(plan, "prod")
    options = {"week": FRIDAYS, "noise": 0.08}
    plan.charge(account, "out_s3", account.regions[0], daily=8 * _sent(plan, account), **options)
    ago = plan.calendar.days
    _explained(plan, account, ago=ago, kind="a weekly rhythm", note="ships its backup every Friday")
    account = plan.organization.of("dormant")[3]
    span = {"first": plan.calendar.ago(4), "last": plan.calendar.ago(3)}
    plan.charge(account, "out_ec2", account.regions[0], daily=4.0, **span)
    _explained(plan, account, ago=4, kind="tiny volumes", note="4 GB, two hundred times the usual")


def _not_the_internet(plan: BillPlan) -> None:
    span = {"first": plan.calendar.ago(4), "last": plan.calendar.ago(3)}
    for meter, kind, gigabytes in (
        ("inter_region", "not inter-region", 9000),
        ("inter_zone", "not inter-AZ", 20_000),
        ("cdn_bytes", "CloudFront's own meters left out", 3000),
    ):
        account = _sender(plan, "prod")
        plan.charge(account, meter, account.regions[0], daily=gigabytes, **span)
        _explained(plan, account, ago=4, kind=kind, note=f"{gigabytes} GB on one day")
