"""Add many small resources, to reach the requested number of charges."""

from typing import Any

from focuswatch.simulate.everyday.usage_pattern import usage_pattern
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan

DAILY_USD = 0.02  # per small resource
NOISE = 0.15
# Meter, ARN with placeholders for region, account, name and the copy's own name, and whether usage is constant.
KINDS = (
    ("lambda_seconds", "arn:aws:lambda:{region}:{account}:function:{name}-{{}}", False),
    ("lambda_requests", "arn:aws:lambda:{region}:{account}:function:{name}-worker-{{}}", False),
    ("logs", "arn:aws:logs:{region}:{account}:log-group:/aws/lambda/{name}-{{}}", False),
    ("log_storage", "arn:aws:logs:{region}:{account}:log-group:/ecs/{name}-{{}}", True),
    ("s3_storage", "arn:aws:s3:::{name}-{region}-{{}}", True),
    ("s3_requests", "arn:aws:s3:::{name}-uploads-{region}-{{}}", False),
    ("sqs", "arn:aws:sqs:{region}:{account}:{name}-{{}}", False),
    ("dynamo_writes", "arn:aws:dynamodb:{region}:{account}:table/{name}-{{}}", False),
    ("dynamo_storage", "arn:aws:dynamodb:{region}:{account}:table/{name}-archive-{{}}", True),
    ("kms", "arn:aws:kms:{region}:{account}:key/{{}}", True),
    ("volume_gp3", "arn:aws:ec2:{region}:{account}:volume/vol-0{{}}", True),
    ("snapshot", "arn:aws:ec2:{region}:{account}:snapshot/snap-0{{}}", True),
)


def add_bulk_resources(plan: BillPlan, *, rows: int, hourly: bool) -> None:
    """Add small resources until the bill has about `rows` charges; add none if it already has as many."""
    planned = sum(line.charges(plan.calendar, hourly=hourly) for line in plan.lines)
    copies = max(0, rows - planned) / (plan.calendar.days * (24 if hourly else 1))
    spots = [
        (account, region, kind)
        for account in plan.organization.of("steady")
        for region in account.regions
        for kind in KINDS
    ]
    sizes = [plan.rng.uniform(0.4, 1.6) for _ in spots]
    owed = 0.0
    for (account, region, kind), size in zip(spots, sizes, strict=True):
        owed += copies * size / sum(sizes)
        if owed >= 1:
            _add(plan, account, region, *kind, copies=int(owed))
            owed %= 1


def _add(
    plan: BillPlan,
    account: SimulatedAccount,
    region: str,
    meter: str,
    name: str,
    steady: bool,
    *,
    copies: int,
) -> None:
    options: dict[str, Any] = {} if steady else usage_pattern(plan, account).options(noise=NOISE)
    resource = name.format(region=region, account=account.id, name=account.name)
    line = plan.charge(account, meter, region, resource=resource, daily=1.0, copies=copies, **options)
    plan.resize(line, daily=plan.rng.uniform(0.5, 1.5) * DAILY_USD / line.list_price)
