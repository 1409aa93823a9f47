"""Everyday charges of every account, which no detection may report."""

from typing import Any

from focuswatch.simulate.everyday.security_services import charge_security_services
from focuswatch.simulate.everyday.usage_pattern import usage_pattern
from focuswatch.simulate.meter_catalog import ec2
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan
from focuswatch.simulate.resource_tags import row_tags

SCALES = {"prod": 1.0, "staging": 0.4, "dev": 0.3, "sandbox": 0.12}
FLEETS = ("m6i.large", "c6i.xlarge", "r6i.xlarge", "m7g.xlarge", "m6i.2xlarge")


def add_everyday_usage(plan: BillPlan) -> None:
    """Add the everyday charges of every account."""
    for account in plan.organization.accounts:
        if account.lifecycle == "dormant":
            _charge_dormant_account(plan, account)
        elif account.lifecycle == "sparse":
            _charge_sparse_account(plan, account)
        else:
            _work(plan, account)


def _work(plan: BillPlan, account: SimulatedAccount) -> None:
    scale = SCALES[account.environment] * plan.rng.uniform(0.7, 1.5)
    for region in account.regions:
        _machines(plan, account, region, scale=scale)
        _storage(plan, account, region, scale=scale)
        _functions(plan, account, region, scale=scale)
        _watching(plan, account, region, scale=scale)
        charge_security_services(plan, account, region, scale=scale)
    _databases(plan, account, account.regions[0], scale=scale)
    _traffic(plan, account, account.regions[0], scale=scale)


def _machines(plan: BillPlan, account: SimulatedAccount, region: str, *, scale: float) -> None:
    application = f"{account.team or 'trial'}-api"
    for _ in range(max(2, round(7 * scale))):
        tags, machine = row_tags(plan, account, application), ec2(plan.rng.choice(FLEETS))
        plan.charge(account, machine, region, resource=plan.instance(account, region), daily=24, tags=tags)
        volume(plan, account, region, gigabytes=plan.rng.choice((50, 100, 200, 500)), tags=tags)
    fleet = usage_pattern(plan, account).options(noise=0.12)
    for _ in range(max(1, round(3 * scale))):
        options = {
            "resource": plan.instance(account, region),
            "tags": row_tags(plan, account, application),
        } | fleet
        plan.charge(account, ec2("c6i.xlarge", spot=True), region, daily=30 * scale + 4, **options)
    snapshot = plan.arn("ec2", region, account, f"snapshot/snap-0{plan.random_id(16)}")
    plan.charge(account, "snapshot", region, resource=snapshot, daily=300 * scale / 30)
    gateway = plan.arn("ec2", region, account, f"natgateway/nat-0{plan.random_id(16)}")
    plan.charge(account, "nat_hours", region, resource=gateway, daily=24)
    plan.charge(account, "nat_bytes", region, resource=gateway, daily=60 * scale, **fleet)


def volume(
    plan: BillPlan,
    account: SimulatedAccount,
    region: str,
    *,
    gigabytes: float,
    meter: str = "volume_gp3",
    **options: Any,
) -> str:
    resource = plan.arn("ec2", region, account, f"volume/vol-0{plan.random_id(16)}")
    plan.charge(account, meter, region, resource=resource, daily=gigabytes / 30, **options)
    return resource


def _storage(plan: BillPlan, account: SimulatedAccount, region: str, *, scale: float) -> None:
    pattern = usage_pattern(plan, account).options()
    bucket = f"arn:aws:s3:::{account.name}-{region}-data"
    plan.charge(
        account, "s3_storage", region, resource=bucket, daily=40_000 * scale / 30, growth=pattern["growth"]
    )
    plan.charge(account, "s3_requests", region, resource=bucket, daily=900_000 * scale, **pattern)
    plan.charge(account, "s3_requests", region, daily=120_000 * scale, **pattern)
    table = plan.arn("dynamodb", region, account, f"table/{account.team or 'trial'}-sessions")
    pattern = usage_pattern(plan, account).options()
    plan.charge(account, "dynamo_writes", region, resource=table, daily=6_000_000 * scale, **pattern)
    plan.charge(account, "dynamo_storage", region, resource=table, daily=200 * scale / 30)


def _functions(plan: BillPlan, account: SimulatedAccount, region: str, *, scale: float) -> None:
    pattern = usage_pattern(plan, account).options()
    for name in ("orders", "images", "webhooks"):
        resource = plan.arn("lambda", region, account, f"function:{account.team or 'trial'}-{name}")
        options = {"resource": resource, "tags": row_tags(plan, account, name)} | pattern
        plan.charge(account, "lambda_seconds", region, daily=350_000 * scale, **options)
        plan.charge(account, "lambda_requests", region, daily=1_500_000 * scale, **options)
    queue = plan.arn("sqs", region, account, "orders")
    plan.charge(account, "sqs", region, resource=queue, daily=9_000_000 * scale, **pattern)
    plan.charge(account, "sns_free", region, daily=20_000, noise=0.1)


def _watching(plan: BillPlan, account: SimulatedAccount, region: str, *, scale: float) -> None:
    pattern = usage_pattern(plan, account).options()
    group = plan.arn("logs", region, account, f"log-group:/aws/lambda/{account.team or 'trial'}-orders")
    plan.charge(account, "logs", region, resource=group, daily=25 * scale, **pattern)
    plan.charge(account, "log_storage", region, resource=group, daily=900 * scale / 30)
    plan.charge(account, "alarms", region, daily=40 * scale / 30)
    key = plan.arn("kms", region, account, f"key/{plan.random_id(12)}")
    plan.charge(account, "kms", region, resource=key, daily=3 / 30)


def _databases(plan: BillPlan, account: SimulatedAccount, region: str, *, scale: float) -> None:
    team = account.team or "trial"
    for number in range(max(1, round(4 * scale))):
        resource = plan.arn("rds", region, account, f"db:{team}-{number + 1}")
        tags = row_tags(plan, account, "database")
        plan.charge(account, "rds_hours", region, resource=resource, daily=24, tags=tags)
        plan.charge(account, "rds_storage", region, resource=resource, daily=400 * scale / 30, tags=tags)
    cluster = plan.arn("rds", region, account, f"cluster:{team}-aurora")
    pattern = usage_pattern(plan, account).options()
    plan.charge(account, "aurora_io", region, resource=cluster, daily=120_000_000 * scale, **pattern)


def _traffic(plan: BillPlan, account: SimulatedAccount, region: str, *, scale: float) -> None:
    pattern = usage_pattern(plan, account).options()
    plan.charge(account, "inter_zone", region, daily=300 * scale, **pattern)
    plan.charge(account, "route53_queries", "global", daily=4_000_000 * scale, **pattern)
    zone = "arn:aws:route53:::hostedzone/Z0" + plan.random_id(12).upper()
    options = {"resource": zone, "monthly": True, "frequency": "Recurring"}
    plan.charge(account, "route53_zones", "global", daily=8 * scale, **options)
    if account.lifecycle == "new":
        return  # a new account's first egress would be a finding of its own
    # Two price tiers of one meter: each day has two rows.
    for gigabytes, price in ((80, None), (40, 0.085)):
        plan.charge(account, "out_ec2", region, daily=gigabytes * scale, price=price, **pattern)
    bucket = f"arn:aws:s3:::{account.name}-{region}-data"
    plan.charge(account, "out_s3", region, resource=bucket, daily=80 * scale, **pattern)
    if account.environment == "prod":
        site = plan.arn("cloudfront", None, account, f"distribution/E{plan.random_id(12).upper()}")
        plan.charge(account, "cdn_bytes", "us-east-1", resource=site, daily=400 * scale, **pattern)
        plan.charge(account, "cdn_requests", "us-east-1", resource=site, daily=8_000_000 * scale, **pattern)


def _charge_dormant_account(plan: BillPlan, account: SimulatedAccount) -> None:
    """Add charges of a few cents a day for an account that is no longer used."""
    region = account.regions[0]
    charge_security_services(plan, account, region, scale=0.01)
    plan.charge(account, ec2("t4g.nano"), region, resource=plan.instance(account, region), daily=24)
    plan.charge(
        account, "s3_storage", region, resource=f"arn:aws:s3:::{account.name}-leftovers", daily=20 / 30
    )
    plan.charge(account, "out_ec2", region, daily=0.02, noise=0.1)


def _charge_sparse_account(plan: BillPlan, account: SimulatedAccount) -> None:
    """Add charges on every fourth day, so that days without charges are normal for the account."""
    for region in account.regions:
        charge_security_services(plan, account, region, meters=("guardduty", "config"), every=4)
        plan.charge(account, "s3_requests", region, daily=1_000_000, every=4)
