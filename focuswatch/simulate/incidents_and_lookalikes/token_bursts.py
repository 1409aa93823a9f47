"""Plant token usage spikes, and look-alikes of them."""

from datetime import date
from typing import Any

from focuswatch.simulate.incidents_and_lookalikes.bedrock_accounts_and_charges import (
    bedrock_user,
    charge_tokens,
    inference_profile,
)
from focuswatch.simulate.meter_catalog import meters
from focuswatch.simulate.organization import BEDROCK_ALWAYS, SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan
from focuswatch.simulate.planned_charge_line import SATURDAYS

BURST = "token_burst"


def plant_token_bursts(plan: BillPlan) -> None:
    ago = plan.calendar.ago
    # First, because it claims the account with the most tokens, where bursts would have to be as large.
    _rhythms(plan)
    _bursts(plan)
    account = bedrock_user(plan, "burst")
    profile, daily = inference_profile(plan, account), 15 * _daily_tokens(plan, account)
    identity = charge_tokens(plan, account, profile, "gpt_oss_in", daily=daily, first=ago(1))
    plan.at_once(BURST, identity, since=ago(1), note="a profile of yesterday, above all its account used")
    _moves(plan)


def _bursts(plan: BillPlan) -> None:
    for back, days, times, note in (
        (4, 1, 14.0, "an agent in a loop for a day"),
        (1, 1, 20.0, "yesterday, half of it delivered"),
        (6, 3, 12.0, "for three days"),
        (40, 2, 15.0, "six weeks ago"),
    ):
        account = bedrock_user(plan, "burst")
        profile = inference_profile(plan, account)
        quantities = {"sonnet_service_in": 3_000.0, "sonnet_cache_read": 9_000.0, "sonnet_service_out": 400.0}
        span: dict[str, Any] = {"first": plan.calendar.ago(back), "last": plan.calendar.ago(back - days)}
        size = max(1.0, _daily_tokens(plan, account) / 120_000)  # large enough to show in the account's total
        for meter, daily in quantities.items():
            charge_tokens(plan, account, profile, meter, daily=daily * size)
            charge_tokens(plan, account, profile, meter, daily=(times - 1) * daily * size, **span)
        identity = (account.id, account.regions[0], meters()["sonnet_service_in"].service, profile)
        plan.at_once(BURST, identity, since=span["first"], until=span["last"], note=note)


def _daily_tokens(plan: BillPlan, account: SimulatedAccount) -> float:
    """Return thousands of tokens that the account uses on an average day."""
    thousands = {"1K tokens": 1.0, "1M tokens": 1000.0}
    return sum(
        float(line.quantities(plan.calendar).mean()) * thousands.get(line.meter.unit, 0.0)
        for line in plan.lines
        if line.account is account and "oken" in line.meter.meter
    )


def _moves(plan: BillPlan) -> None:
    """Move all tokens of one model to another; the account's total stays the same."""
    moved: date = plan.calendar.ago(5)
    account = bedrock_user(plan, "burst")
    old, new = inference_profile(plan, account), inference_profile(plan, account)
    daily = max(400_000.0, _daily_tokens(plan, account))
    charge_tokens(plan, account, old, "haiku3_in", daily=daily, last=moved)
    charge_tokens(plan, account, new, "gpt_oss_in", daily=20_000.0, last=moved)
    identity = charge_tokens(plan, account, new, "gpt_oss_in", daily=daily, first=moved)
    kind = "tokens that move from one model to another"
    plan.hard_negative(BURST, identity, since=moved, kind=kind, note="a migration, five days ago")


def _rhythms(plan: BillPlan) -> None:
    account = plan.pick("burst", where=lambda account: account.name == BEDROCK_ALWAYS)
    profile = inference_profile(plan, account)
    charge_tokens(plan, account, profile, "lite_in", daily=20_000)
    identity = charge_tokens(plan, account, profile, "lite_in", daily=260_000, week=SATURDAYS)
    plan.hard_negative(
        BURST, identity, kind="a weekly rhythm", note="fourteen times the expected every Saturday"
    )
    profile, first = inference_profile(plan, account), plan.calendar.ago(3)
    charge_tokens(plan, account, profile, "nova_micro_in", daily=2_000)
    span: dict[str, Any] = {"first": first, "last": plan.calendar.ago(2)}
    identity = charge_tokens(plan, account, profile, "nova_micro_in", daily=180_000, **span)
    kind = "less than 10 a day above the expected"
    plan.hard_negative(BURST, identity, since=first, kind=kind, note="ninety times the expected, 6 USD")
