"""Plant a launch that owners.toml announces, which looks like a token usage spike."""

from datetime import timedelta
from typing import Any

from focuswatch.simulate.meter_catalog import meters
from focuswatch.simulate.planned_bill import USE_CASE_TAG, BillPlan
from focuswatch.simulate.resource_tags import team_tag


def plant_announced_launch(plan: BillPlan) -> None:
    """Add a launch that owners.toml announces: six times the expected tokens since four days ago."""
    account = plan.random_account(where=lambda account: account.uses_bedrock)
    region, since = account.regions[0], plan.calendar.ago(4)
    resource = plan.arn("bedrock", region, account, f"application-inference-profile/{plan.random_id(12)}")
    options: dict[str, Any] = {
        "resource": resource,
        "tags": team_tag(account) | {USE_CASE_TAG: "shop-guide"},
        "noise": 0.05,
    }
    meter = meters()["haiku3_in"]
    daily = 14.0 / 5 / meter.unit_price(region)
    plan.charge(account, meter, region, daily=daily, **options)
    plan.charge(account, meter, region, daily=5 * daily, first=since, **options)
    plan.launched_profile = resource
    launch = {"first_day": since, "last_day": since + timedelta(days=13), "factor": 8.0}
    plan.use_cases["shop-guide"] = {
        "intent": "production",
        "rows": {"tags": {USE_CASE_TAG: ["shop-guide"]}},
        "launches": [launch],
    }
    identity = (account.id, region, meter.service, resource)
    plan.hard_negative(
        "token_burst", identity, since=since, kind="a launch that a plan announces", note="as announced"
    )
