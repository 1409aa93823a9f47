"""Plant underutilized GPUs, and ones that are used or not evaluated."""

from collections.abc import Mapping
from datetime import date

from focuswatch.simulate.billing_meter_record_and_region_price_factors import Meter
from focuswatch.simulate.everyday.everyday_ai import TRAINING_ACCOUNTS
from focuswatch.simulate.meter_catalog import ec2, sagemaker
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan, Identity
from focuswatch.simulate.planned_charge_line import WORKDAYS
from focuswatch.simulate.resource_tags import row_tags

DETECTION = "underused_gpu"
IDLE_ENDPOINT = "idle_sagemaker_endpoint"
LOOKBACK = 7
OF_ENDPOINTS = ("/aws/sagemaker/Endpoints", "GPUUtilization")  # sum of all GPUs of an instance
OF_MACHINES = ("CWAgent", "nvidia_smi_utilization_gpu")  # per GPU
INVOCATIONS = ("AWS/SageMaker", "Invocations")
Busy = Mapping[date, float]


def plant_gpu_utilization(plan: BillPlan) -> None:
    small, large, machine = (
        sagemaker("Host", "ml.g5.2xlarge"),
        sagemaker("Host", "ml.g5.12xlarge"),
        ec2("g5.12xlarge"),
    )
    burst = {plan.calendar.ago(5): 88.0}
    for meter, percent, note in (
        (small, 7.0, "an endpoint that answers now and then"),
        (large, 48.0, "48 % of four GPUs are 12 % of one"),
        (machine, 11.0, "a machine with four GPUs"),
    ):
        plan.after_lookback(DETECTION, _gpu(plan, meter, percent=percent), lookback=LOOKBACK, note=note)
    negatives: tuple[tuple[Meter, float | None, Busy, str, str], ...] = (
        (small, 9.0, burst, "training bursts on any day above 60 %", "88 % on one day"),
        (machine, 6.0, burst, "training bursts on any day above 60 %", "a machine, 88 % on one day"),
        (small, None, {}, "not evaluated", "called, and not evaluated at its GPU"),
        (ec2("g4dn.xlarge"), None, {}, "not evaluated", "a machine without the agent"),
        (large, 160.0, {}, "mean GPUUtilization under 20 %", "160 % of four GPUs are 40 % of one"),
    )
    for meter, busy, on, kind, note in negatives:
        identity = _gpu(plan, meter, percent=busy, on=on)
        plan.hard_negative(DETECTION, identity, kind=kind, note=note)
        if on:
            plan.after_lookback(
                DETECTION, identity, lookback=LOOKBACK, used_on=on, note="underutilized until then"
            )
    identity = _gpu(plan, small, percent=0.0, calls=0)
    plan.after_lookback(IDLE_ENDPOINT, identity, lookback=LOOKBACK, note="an idle endpoint with a GPU")
    note = "reported as an idle endpoint"
    plan.hard_negative(DETECTION, identity, kind="an idle endpoint", note=note)


def _gpu(
    plan: BillPlan, meter: Meter, *, percent: float | None, calls: float = 40_000, on: Busy | None = None
) -> Identity:
    """Add a GPU that runs day and night, in an account that has always used GPUs."""
    account: SimulatedAccount = plan.random_account(where=lambda account: account.name in TRAINING_ACCOUNTS)
    region = account.regions[0]
    endpoint = meter.code == "AmazonSageMaker"
    resource = plan.arn("sagemaker", region, account, f"endpoint/gpu-{plan.random_id(6)}")
    if not endpoint:
        resource = plan.instance(account, region)
    tags = row_tags(plan, account, "models", always="team" not in account.tags)
    plan.charge(account, meter, region, resource=resource, daily=24, tags=tags)
    if endpoint:
        plan.observe(account, region, resource, of=INVOCATIONS, daily=calls, week=WORKDAYS)
    if percent is not None:
        metric = OF_ENDPOINTS if endpoint else OF_MACHINES
        plan.observe(account, region, resource, of=metric, daily=percent, on=on)
    return (account.id, region, meter.service, resource)
