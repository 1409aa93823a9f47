"""Add websites with viewers worldwide: CloudFront and Lambda@Edge are charged in the region of the viewer.

The charges look like those in the FOCUS project's public sample: `RegionId` is the viewer's region, Lambda@Edge is
billed under CloudFront's name, and the ARN of its function contains the region in which it ran.
"""

from random import Random

from focuswatch.simulate.planned_bill import BillPlan
from focuswatch.simulate.planned_charge_line import Line

VIEWERS = {  # traffic of a region relative to the United States; invented
    "eu-west-1": 0.2,
    "ap-northeast-1": 0.08,
    "ca-central-1": 0.008,
    "ap-south-1": 0.006,
    "sa-east-1": 0.004,
    "ap-southeast-2": 0.003,
    "me-south-1": 0.001,
}
# Regions with viewers since the start of the bill. The other regions get their first viewers on a random day, and too
# few of them to change costs much.
REGULAR_REGIONS = ("eu-west-1", "ap-northeast-1")
EDGE_REGIONS = ("us-west-2", "eu-west-1", "ap-northeast-1", "sa-east-1")  # edge caches that run the function
LATEST_DAYS = 20
RUNS_A_GB = 400.0  # invocations of the function per GB; invented


def add_edge_viewers(plan: BillPlan) -> None:
    """Add viewers in other regions to every website, some for the first time in the newest days.

    The function uses its own random numbers and adds its lines last, so that the rest of a seed's bill does not change.
    """
    for site in [line for line in plan.lines if _is_site(line, plan)]:
        random = Random(f"viewers of {site.resource}")
        for region, part in VIEWERS.items():
            since = (
                {}
                if region in REGULAR_REGIONS
                else {"first": plan.calendar.ago(random.randint(1, LATEST_DAYS))}
            )
            pattern = {"week": site.week, "growth": site.growth, "noise": 0.1} | since
            fetched = site.daily * part
            plan.charge(site.account, "cdn_bytes", region, resource=site.resource, daily=fetched, **pattern)
            plan.charge(
                site.account,
                "cdn_requests",
                region,
                resource=site.resource,
                daily=20_000 * fetched,
                **pattern,
            )
        for region in EDGE_REGIONS:
            _redirects(plan, site, region, first_days_ago=random.randint(1, LATEST_DAYS))


def _is_site(line: Line, plan: BillPlan) -> bool:
    return (
        line.meter.code == "AmazonCloudFront"
        and line.resource is not None
        and line.meter.unit == "GB"
        and line.first == plan.calendar.first
        and line.last == plan.calendar.as_of
    )


def _redirects(plan: BillPlan, site: Line, region: str, *, first_days_ago: int) -> None:
    assert site.account is not None
    function = plan.arn("lambda", region, site.account, "function:us-east-1.redirects")
    runs = RUNS_A_GB * site.daily * VIEWERS.get(region, 0.1)
    options = {"resource": function, "noise": 0.1, "first": plan.calendar.ago(first_days_ago)}
    plan.charge(site.account, "edge_requests", region, daily=runs, **options)
    plan.charge(site.account, "edge_seconds", region, daily=runs * 0.005, **options)
