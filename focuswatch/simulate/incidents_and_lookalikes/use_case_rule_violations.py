"""Plant AI usage that violates the rules of its use case, and usage that complies with them."""

from typing import Any

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.meter_catalog import meters
from focuswatch.simulate.planned_bill import USE_CASE_TAG, BillPlan, Identity
from focuswatch.simulate.resource_tags import team_tag

VIOLATION = "policy_violation"
NOVA: dict[str, Any] = {"models": ["amazon.nova*"]}


def _usage(plan: BillPlan, name: str, meter: str, *, monthly: float, **rules: Any) -> Identity:
    """Add tokens worth `monthly` USD for a use case with these rules, through an inference profile of its own."""
    account = plan.random_account(where=lambda account: account.uses_bedrock)
    region = account.regions[0]
    resource = plan.arn("bedrock", region, account, f"application-inference-profile/{plan.random_id(12)}")
    daily = monthly / 30 / meters()[meter].unit_price(region)
    plan.charge(
        account,
        meters()[meter],
        region,
        resource=resource,
        daily=daily,
        noise=0.05,
        tags=team_tag(account) | {USE_CASE_TAG: name},
    )
    if rules.get("regions") == ["here"]:
        rules["regions"] = [region]
    plan.use_cases[name] = {"intent": "production", "rows": {"tags": {USE_CASE_TAG: [name]}}} | rules
    return (account.id, region, meters()[meter].service, resource)


def plant_policy_violations(plan: BillPlan) -> None:
    """Add one use case for each rule that is broken, and look-alikes."""
    broken: tuple[tuple[str, str, dict[str, Any], str], ...] = (
        ("reply-drafts", "haiku3_in", NOVA, "Claude where only Nova is allowed"),
        ("night-summaries", "lite_in", {"batch": "required"}, "on demand where batch is required"),
        ("archive-search", "haiku3_in", {"regions": ["ca-west-1"]}, "in a Region that is not allowed"),
    )
    for name, meter, rules, note in broken:
        identity = _usage(plan, name, meter, monthly=12.0, **rules)
        plan.incident(VIOLATION, identity, note=note, found_after=7 + SETTLE_DAYS)
    kept: tuple[tuple[str, str, float, dict[str, Any], str], ...] = (
        ("alt-texts", "lite_in", 12.0, {**NOVA, "regions": ["here"]}, "usage that keeps the rules"),
        ("wiki-index", "llama_batch", 12.0, {"batch": "required"}, "usage that keeps the rules"),
        ("code-hints", "haiku3_in", 12.0, {}, "a use case without rules"),
        ("name-checks", "haiku3_in", 0.3, NOVA, "less than 1 a month"),
    )
    for name, meter, monthly, rules, kind in kept:
        identity = _usage(plan, name, meter, monthly=monthly, **rules)
        plan.hard_negative(VIOLATION, identity, kind=kind, note=name)
