"""Plant repeated prompts that are not cached, caches that are not read, and look-alikes of them."""

from collections.abc import Mapping

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.meter_catalog import meters
from focuswatch.simulate.planned_bill import BillPlan, Identity
from focuswatch.simulate.planned_charge_line import FLAT, WORKDAYS, Week
from focuswatch.simulate.resource_tags import team_tag

UNCACHED = "uncached_prompts"
UNREAD = "unread_prompt_cache"
LOOKBACK_DAYS = 14


def _workload(plan: BillPlan, daily: Mapping[str, float], *, week: Week = FLAT) -> Identity:
    """Charge daily quantities by meter to a new inference profile; the first meter determines its service."""
    account = plan.pick("prompts", *daily, where=lambda account: account.uses_bedrock)
    region = account.regions[0]
    profile = plan.arn("bedrock", region, account, f"application-inference-profile/{plan.random_id(12)}")
    for meter, quantity in daily.items():
        plan.charge(
            account,
            meter,
            region,
            resource=profile,
            daily=quantity,
            week=week,
            noise=0.08,
            tags=team_tag(account),
        )
    return (account.id, region, meters()[next(iter(daily))].service, profile)


def plant_uncached_prompts(plan: BillPlan) -> None:
    """Plant repeated input to models whose cache other workloads on the bill use."""
    repeated: tuple[tuple[Mapping[str, float], Week, str], ...] = (
        ({"opus_mantle_in": 20_000.0}, FLAT, "an agent around the clock"),
        ({"haiku_in": 100.0, "haiku_out": 5.0}, WORKDAYS, "retrieval on working days, a Marketplace model"),
    )
    for daily, week, note in repeated:
        identity = _workload(plan, daily, week=week)
        plan.incident(UNCACHED, identity, note=note, found_after=LOOKBACK_DAYS + SETTLE_DAYS)
    cached = {"opus_mantle_in": 20_000.0, "opus_cache_read": 60_000.0, "opus_cache": 2_000.0}
    for negative, kind, note in (
        (cached, "prompts that are cached", "three in four input tokens are read from the cache"),
        ({"haiku_in": 60.0, "haiku_out": 40.0}, "more output than repeated input", "text generation"),
        ({"lite_in": 200_000.0}, "a model without cache charges on the bill", "its cache has no price"),
    ):
        plan.hard_negative(UNCACHED, _workload(plan, negative), kind=kind, note=note)


def plant_unread_caches(plan: BillPlan) -> None:
    """Plant caches that are written every day and rarely read."""
    for daily, note in (
        ({"opus_cache": 8_000.0}, "a timestamp in each prompt"),
        ({"haiku_cache": 20.0, "haiku_cache_read": 1.0}, "calls hours apart, a Marketplace model"),
    ):
        identity = _workload(plan, daily)
        plan.incident(UNREAD, identity, note=note, found_after=LOOKBACK_DAYS + SETTLE_DAYS)
    for negative, kind, note in (
        ({"opus_cache": 8_000.0, "opus_cache_read": 40_000.0}, "a cache that is read", "five reads a write"),
        ({"haiku_cache": 0.5}, "a premium under 25 a month", "few tokens"),
    ):
        plan.hard_negative(UNREAD, _workload(plan, negative), kind=kind, note=note)
