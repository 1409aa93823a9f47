"""Helpers for the planting modules: pick accounts with or without Bedrock, and charge tokens in them."""

from typing import Any

from focuswatch.simulate.meter_catalog import meters
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan, Identity
from focuswatch.simulate.resource_tags import team_tag


def bedrock_user(plan: BillPlan, *claim: str) -> SimulatedAccount:
    return plan.pick(*claim, where=lambda account: account.uses_bedrock)


def inference_profile(plan: BillPlan, account: SimulatedAccount) -> str:
    path = f"application-inference-profile/{plan.random_id(12)}"
    return plan.arn("bedrock", account.regions[0], account, path)


def charge_tokens(
    plan: BillPlan,
    account: SimulatedAccount,
    profile: str,
    meter: str,
    *,
    daily: float,
    tags: dict[str, str] | None = None,
    **options: Any,
) -> Identity:
    region, noise = account.regions[0], {"noise": 0.08, "tags": team_tag(account) | (tags or {})}
    plan.charge(account, meter, region, resource=profile, daily=daily, **(noise | options))
    return (account.id, region, meters()[meter].service, profile)


def account_without_bedrock(plan: BillPlan) -> SimulatedAccount:
    """Return an account without Bedrock usage, and claim it so that no other case plants Bedrock usage there."""
    return plan.pick(
        "bedrock", lifecycles=("steady", "sandbox"), where=lambda account: not account.uses_bedrock
    )
