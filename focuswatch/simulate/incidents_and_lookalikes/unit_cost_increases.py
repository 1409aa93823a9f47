"""Plant unit cost increases, and spend that grows or shifts without an increase in unit cost.

Each is too small to be an anomaly of its account's cost.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.meter_catalog import SAGEMAKER, meters, sagemaker
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan, Identity
from focuswatch.simulate.planned_charge_line import WORKDAYS, Commitment
from focuswatch.simulate.resource_tags import row_tags, team_tag

DETECTION = "unit_cost_regression"
INVOCATIONS = ("AWS/SageMaker", "Invocations")
CHANGED_DAYS_AGO = 8  # six days of it are in the newest complete week, none in the week before


def plant_unit_costs(plan: BillPlan) -> None:
    _token_increases(plan)
    _endpoint_increases(plan)
    _mix_and_volume(plan)


def _increase(plan: BillPlan, identity: Identity, *, after: int, note: str) -> None:
    """State an increase that is found when the newest complete week has `after` days of it."""
    changed = plan.calendar.ago(CHANGED_DAYS_AGO)
    plan.incident(DETECTION, identity, since=changed, found_after=after + SETTLE_DAYS, history=14, note=note)


def _user(plan: BillPlan) -> SimulatedAccount:
    return plan.pick("unit", where=lambda account: account.uses_bedrock)


def _tokens(
    plan: BillPlan, account: SimulatedAccount, meter: str, *, daily: float, **options: Any
) -> Identity:
    region = account.regions[1]
    options = {"tags": team_tag(account), "noise": 0.05} | options
    plan.charge(account, meter, region, daily=daily, **options)
    return (account.id, region, meters()[meter].service, None)


def _token_increases(plan: BillPlan) -> None:
    changed = plan.calendar.ago(CHANGED_DAYS_AGO)
    account = _user(plan)
    _tokens(plan, account, "lite_in", daily=100_000, last=changed)
    price = 1.3 * meters()["lite_in"].unit_price(account.regions[1])
    identity = _tokens(plan, account, "lite_in", daily=100_000, first=changed, price=price)
    _increase(plan, identity, after=2, note="the price of a model went up by three tenths")
    account = _user(plan)
    _tokens(plan, account, "sonnet_service_in", daily=30_000, last=changed)
    identity = _tokens(plan, account, "sonnet_regional_in", daily=30_000, first=changed)
    _increase(plan, identity, after=5, note="from the global profile to a regional one")


def _endpoint_increases(plan: BillPlan) -> None:
    changed, payer = plan.calendar.ago(CHANGED_DAYS_AGO), plan.organization.payer
    id = plan.arn("savingsplans", None, payer, f"savingsplan/{plan.random_id(8)}-{plan.random_id(12)}")
    covered = Commitment(id, "SageMaker 1yr No Upfront", "Savings Plan", "Used", 0.6)
    identity = _endpoint(plan, 24, {"last": changed, "commitment": covered}, {"first": changed})
    _increase(plan, identity, after=4, note="its Savings Plan ended")
    identity = _endpoint(
        plan, 24, {"last": changed}, {"first": changed, "daily": 48}, instance="ml.m5.xlarge"
    )
    _increase(plan, identity, after=4, note="twice the instances for the same calls")
    days = (plan.calendar.as_of - changed).days
    fewer = {changed + timedelta(days=day): 9_000.0 for day in range(days)}
    identity = _endpoint(plan, 48, {}, calls=fewer)
    _increase(plan, identity, after=4, note="it lost its callers and kept its size")
    kind, note = "tiny volumes", "called a few times a day, then once"
    seldom = {changed + timedelta(days=day): 1.0 for day in range(days)}
    identity = _endpoint(plan, 24, {}, usual=40.0, calls=seldom)
    plan.hard_negative(DETECTION, identity, since=changed, kind=kind, note=note)


def _endpoint(
    plan: BillPlan,
    hours: float,
    *spans: dict[str, Any],
    usual: float = 50_000,
    calls: Mapping[date, float] | None = None,
    instance: str = "ml.m5.2xlarge",
) -> Identity:
    """Add an endpoint that is charged in one or more spans and called every day."""
    account = plan.random_account(where=lambda account: account.environment == "dev")
    region = account.regions[0]
    resource = plan.arn("sagemaker", region, account, f"endpoint/unit-{plan.random_id(6)}")
    tags = row_tags(plan, account, "models", always="team" not in account.tags)
    for span in spans:
        options: dict[str, Any] = {"daily": hours, "resource": resource, "tags": tags} | span
        plan.charge(account, sagemaker("Host", instance), region, **options)
    plan.observe(account, region, resource, of=INVOCATIONS, daily=usual, week=WORKDAYS, on=calls)
    return (account.id, region, SAGEMAKER, resource)


def _mix_and_volume(plan: BillPlan) -> None:
    changed = plan.calendar.ago(CHANGED_DAYS_AGO)
    before, after = {"last": changed}, {"first": changed}
    account = _user(plan)
    for meter, daily, span in (
        ("nova_micro_in", 40_000, before),
        ("haiku3_in", 2_000, {}),
        ("haiku3_in", 40_000, after),
    ):
        identity = _tokens(plan, account, meter, daily=daily, **span)
    kind = "mix shifts between models are reported as mix, not price"
    plan.hard_negative(
        DETECTION,
        identity,
        since=changed,
        kind=kind,
        note="from a cheap model to one of seven times its price",
    )
    account = _user(plan)
    _tokens(plan, account, "gpt_out", daily=0.02, last=changed)
    identity = _tokens(plan, account, "gpt_out", daily=0.02, first=changed, price=90.0)
    kind, note = "tiny volumes", "six times the price of some thousand tokens"
    plan.hard_negative(DETECTION, identity, since=changed, kind=kind, note=note)
