"""GPUs that stand still, and GPUs that do not, or of which nobody knows."""

from collections.abc import Mapping
from datetime import date

from focuswatch.simulate.bill_plan import BillPlan, Identity
from focuswatch.simulate.billing_meters import Meter
from focuswatch.simulate.charge_lines import WORKDAYS
from focuswatch.simulate.everyday.everyday_accounts import row_tags
from focuswatch.simulate.everyday.everyday_ai import LEARNERS
from focuswatch.simulate.list_prices import ec2, sagemaker
from focuswatch.simulate.organization import SimulatedAccount

DETECTION = "underused_gpu"
OF_ENDPOINTS = ("/aws/sagemaker/Endpoints", "GPUUtilization")  # of all GPUs of an instance together
OF_MACHINES = ("CWAgent", "nvidia_smi_utilization_gpu")  # of each GPU
INVOCATIONS = ("AWS/SageMaker", "Invocations")
Busy = Mapping[date, float]


def plant_utilization(plan: BillPlan) -> None:
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
        plan.incident(DETECTION, _gpu(plan, meter, percent=percent), note=note)
    innocent: tuple[tuple[Meter, float | None, Busy, str, str], ...] = (
        (small, 9.0, burst, "training bursts on any day above 60 %", "88 % on one day"),
        (machine, 6.0, burst, "training bursts on any day above 60 %", "a machine, 88 % on one day"),
        (small, None, {}, "nobody looked", "called, and nobody looked at its GPU"),
        (ec2("g4dn.xlarge"), None, {}, "nobody looked", "a machine without the agent"),
        (large, 160.0, {}, "mean GPUUtilization under 20 %", "160 % of four GPUs are 40 % of one"),
    )
    for meter, busy, on, kind, note in innocent:
        plan.quiet(DETECTION, _gpu(plan, meter, percent=busy, on=on), kind=kind, note=note)
    identity = _gpu(plan, small, percent=0.0, calls=0)
    note = "told as an idle endpoint"
    plan.quiet(DETECTION, identity, kind="an endpoint that nobody called", note=note)


def _gpu(
    plan: BillPlan, meter: Meter, *, percent: float | None, calls: float = 40_000, on: Busy | None = None
) -> Identity:
    """A GPU that runs day and night, where GPUs have always run."""
    account: SimulatedAccount = plan.any(where=lambda account: account.name in LEARNERS)
    region = account.regions[0]
    endpoint = meter.code == "AmazonSageMaker"
    resource = plan.arn("sagemaker", region, account, f"endpoint/gpu-{plan.opaque(6)}")
    if not endpoint:
        resource = plan.instance(account, region)
    tags = row_tags(plan, account, "models", always="team" not in account.tags)
    plan.charge(account, meter, region, resource=resource, daily=24, tags=tags)
    if endpoint:
        plan.watch(account, region, resource, of=INVOCATIONS, daily=calls, week=WORKDAYS)
    if percent is not None:
        metric = OF_ENDPOINTS if endpoint else OF_MACHINES
        plan.watch(account, region, resource, of=metric, daily=percent, on=on)
    return (account.id, region, meter.service, resource)
