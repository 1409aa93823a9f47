"""Plant databases, clusters and domains in extended support, and ones that left it or never entered it."""

from datetime import timedelta
from typing import Any

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.meter_catalog import meters
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan, Identity
from focuswatch.simulate.resource_tags import team_tag

DETECTION = "extended_support"
LATEST_DAYS = 3  # greatest age of a charge that still counts
# meter, daily quantity, service and path of the ARN, note
SUPPORTED = (
    ("support_mysql", 96.0, "rds", "db:orders-legacy", "four vCPUs of MySQL 8.0"),
    ("support_postgres", 48.0, "rds", "db:reports-legacy", "PostgreSQL 11 in its third year"),
    ("support_eks", 24.0, "eks", "cluster/legacy", "a cluster on an old Kubernetes version"),
    ("support_redis", 48.0, "elasticache", "cluster:sessions-legacy", "two cache nodes on Redis OSS 5"),
    ("support_search", 24.0 * 12, "es", "domain/logs-legacy", "a domain on an old version of Elasticsearch"),
)


def plant_extended_support(plan: BillPlan) -> None:
    accounts = plan.organization.of("steady")
    for account, (meter, daily, service, path, note) in zip(accounts, SUPPORTED, strict=False):
        identity = _supported(plan, account, meter, daily=daily, of=(service, path))
        plan.after_lookback(DETECTION, identity, lookback=1, note=note)
    _begun_lately(plan, accounts[5])
    _upgraded(plan, accounts[6])
    _in_standard_support(plan, accounts[7])


def _supported(
    plan: BillPlan,
    account: SimulatedAccount,
    meter: str,
    *,
    daily: float,
    of: tuple[str, str],
    **options: Any,
) -> Identity:
    region = account.regions[0]
    resource = plan.arn(of[0], region, account, of[1])
    plan.charge(account, meter, region, resource=resource, daily=daily, tags=team_tag(account), **options)
    return (account.id, region, meters()[meter].service, resource)


def _begun_lately(plan: BillPlan, account: SimulatedAccount) -> None:
    begun = plan.calendar.ago(9)
    identity = _supported(
        plan, account, "support_mysql", daily=24.0, of=("rds", "db:carts-legacy"), first=begun
    )
    plan.after_lookback(DETECTION, identity, lookback=1, since=begun, note="standard support ended lately")


def _upgraded(plan: BillPlan, account: SimulatedAccount) -> None:
    upgraded = plan.calendar.ago(12)
    identity = _supported(
        plan, account, "support_mysql", daily=24.0, of=("rds", "db:users-legacy"), last=upgraded
    )
    plan.hard_negative(DETECTION, identity, kind="upgraded to a supported version", note="twelve days ago")
    plan.incident(
        DETECTION,
        identity,
        note="until its upgrade",
        until=upgraded,
        found_after=1 + SETTLE_DAYS,
        found_until=upgraded + timedelta(days=LATEST_DAYS - 1 + SETTLE_DAYS),
    )


def _in_standard_support(plan: BillPlan, account: SimulatedAccount) -> None:
    identity = _supported(plan, account, "eks", daily=24.0, of=("eks", "cluster/current"))
    plan.hard_negative(DETECTION, identity, kind="standard support", note="the charge of every cluster")
    identity = _supported(
        plan, account, "support_eks", daily=24.0, of=("eks", "cluster/announced"), price=0.0
    )
    plan.hard_negative(
        DETECTION, identity, kind="a charge at a price of 0", note="announced, not charged yet"
    )
