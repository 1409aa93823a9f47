"""Plant first charges in a region, and charges that must not be reported as such."""

from focuswatch.simulate.meter_catalog import ec2
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import FOREIGN_REGIONS, UNUSED_REGIONS, BillPlan

DETECTION = "new_region"


def plant_regions(plan: BillPlan) -> None:
    for ago, meter, daily, note, among in (
        (3, ec2("m6i.large"), 24.0, "an instance in a region that no account uses", UNUSED_REGIONS[:1]),
        (1, "sns_free", 40.0, "zero-cost usage, yesterday", FOREIGN_REGIONS),
        (2, "s3_requests", 900.0, "less than a cent", FOREIGN_REGIONS),
        (7, "lambda_seconds", 90_000.0, "on the first day of a first scan", FOREIGN_REGIONS),
        (50, "sqs", 4_000_000.0, "reported seven weeks ago", FOREIGN_REGIONS),
    ):
        account, first = plan.random_account(), plan.calendar.ago(ago)
        region = plan.unused_region(account, among=among)
        plan.charge(account, meter, region, daily=daily, first=first)
        plan.incident(DETECTION, (account.id, region, None, None), since=first, note=note)
    newcomer, first, region = (
        plan.organization.named("returns-prod"),
        plan.calendar.ago(4),
        UNUSED_REGIONS[1],
    )
    plan.charge(newcomer, "dynamo_writes", region, daily=900_000, first=first)
    note = "a new account, in a region the organization did not use before this week"
    plan.incident(DETECTION, (newcomer.id, region, None, None), since=first, note=note)
    _without_region(plan)
    _known(plan)
    _restated(plan)
    _reported_before(plan)


def _quiet(
    plan: BillPlan, account: SimulatedAccount, region: str | None, *, ago: int, kind: str, note: str
) -> None:
    plan.hard_negative(
        DETECTION, (account.id, region, None, None), since=plan.calendar.ago(ago), kind=kind, note=note
    )


def _without_region(plan: BillPlan) -> None:
    kind = "`global`, null and no-region rows"
    _viewers(plan, plan.random_account(where=lambda account: account.environment == "dev"))
    drill = plan.organization.of("sparse")[0]
    plan.charge(drill, "route53_queries", "global", daily=90_000, first=plan.calendar.ago(3))
    _quiet(plan, drill, "global", ago=3, kind=kind, note="Route 53 under `global`")
    account = plan.random_account()
    plan.charge(account, "sns_free", None, daily=30, first=plan.calendar.ago(5))
    _quiet(plan, account, None, ago=5, kind=kind, note="usage without a region")


def _viewers(plan: BillPlan, account: SimulatedAccount) -> None:
    """Add a website that has had viewers on two more continents since this week; Lambda@Edge runs near them."""
    kind = "regions that no one chose"
    site = f"arn:aws:cloudfront::{account.id}:distribution/E2QWRTYUIOPASD"
    for ago, meter, region in (
        (40, "cdn_requests", "us-east-1"),
        (3, "cdn_requests", "sa-east-1"),
        (2, "edge_requests", "ap-northeast-1"),
    ):
        plan.charge(account, meter, region, resource=site, daily=900_000, first=plan.calendar.ago(ago))
        if region not in account.regions:
            _quiet(plan, account, region, ago=ago, kind=kind, note=f"viewers in {region}")


def _known(plan: BillPlan) -> None:
    account = plan.random_account()
    region = plan.unused_region(account)
    for ago in (100, 3):
        span = {"first": plan.calendar.ago(ago), "last": plan.calendar.ago(ago - 1)}
        plan.charge(account, "s3_requests", region, daily=90_000, **span)
    kind = "regions of the account's history however old"
    _quiet(plan, account, region, ago=3, kind=kind, note="last used 100 days ago")
    newcomer = plan.organization.named("gift-cards-prod")
    kind = "the approved regions during a new account's first days"
    note = "an account of this week, in a region of the organization"
    _quiet(plan, newcomer, newcomer.regions[0], ago=6, kind=kind, note=note)


def _restated(plan: BillPlan) -> None:
    for ago, note in (
        (4, "of an old period, with this week's date"),
        (45, "of last month, in its own period"),
    ):
        account = plan.random_account()
        region = plan.unused_region(account)
        span = {"first": plan.calendar.ago(ago), "last": plan.calendar.ago(ago - 1)}
        plan.charge(account, "s3_requests", region, daily=50_000, correction=True, **span)
        _quiet(
            plan, account, region, ago=ago, kind="restated rows of old periods", note=f"a restatement {note}"
        )


def _reported_before(plan: BillPlan) -> None:
    for ago, kind, note in (
        (
            8,
            "a region is reported once unless it is reset",
            "first charged the day before the last 7",
        ),
        (plan.calendar.days - 10, "the first 14 days of the bill", "where the bill begins"),
    ):
        account = plan.random_account()
        region = plan.unused_region(account)
        plan.charge(account, "lambda_seconds", region, daily=50_000, first=plan.calendar.ago(ago))
        _quiet(plan, account, region, ago=ago, kind=kind, note=note)
