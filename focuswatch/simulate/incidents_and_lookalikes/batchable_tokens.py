"""Plant batch-eligible inference at on-demand prices, and look-alikes of it."""

from typing import Any

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.incidents_and_lookalikes.bedrock_accounts_and_charges import (
    bedrock_user,
    charge_tokens,
    inference_profile,
)
from focuswatch.simulate.planned_bill import BillPlan
from focuswatch.simulate.planned_charge_line import FLAT, SATURDAYS, WORKDAYS, Week

BATCHABLE = "realtime_batchable"
FOUR_WEEKS = 28  # days of on-demand usage before it counts as batch-eligible
NIGHTLY = {"workload": "nightly-enrichment"}


def plant_batchable(plan: BillPlan) -> None:
    could_wait: tuple[tuple[str, float, Week, dict[str, str], str], ...] = (
        ("haiku3_in", 22_000.0, FLAT, NIGHTLY, "every night, tagged as nightly"),
        ("opus_in", 60.0, SATURDAYS, {}, "a Marketplace model, every Saturday"),
        ("lite_in", 30_000.0, WORKDAYS, {"purpose": "backfill"}, "on working days, tagged as a backfill"),
    )
    for meter, daily, week, tags, note in could_wait:
        account = bedrock_user(plan, "batch", meter)
        identity = charge_tokens(
            plan, account, inference_profile(plan, account), meter, daily=daily, week=week, tags=tags
        )
        plan.incident(BATCHABLE, identity, note=note, found_after=FOUR_WEEKS + SETTLE_DAYS)
    interactive: dict[str, Any] = {"tags": {"application": "chat"}, "week": WORKDAYS}
    for meter, daily, options, kind, note in (
        ("haiku3_in", 60_000.0, interactive, "interactive workloads", "a chat, by day"),
        ("llama_out", 9_000.0, {"tags": NIGHTLY}, "batch already used", "its account batches this model too"),
        ("nova_micro_in", 20_000.0, {"tags": NIGHTLY}, "a saving under 25 a month", "cheap tokens"),
    ):
        account = bedrock_user(plan, "batch", meter)
        profile = inference_profile(plan, account)
        identity = charge_tokens(plan, account, profile, meter, daily=daily, **options)
        if kind == "batch already used":
            charge_tokens(plan, account, profile, "llama_batch", daily=3 * daily)
        plan.hard_negative(BATCHABLE, identity, kind=kind, note=note)
