"""Plant Kiro subscriptions whose users use no credits, and subscriptions that are in use, new or ended."""

from datetime import date, timedelta
from typing import Any

from focuswatch.simulate.bill_calendar import SETTLE_DAYS, next_month
from focuswatch.simulate.planned_bill import BillPlan, Identity
from focuswatch.simulate.planned_charge_line import OFFICE
from focuswatch.simulate.resource_tags import team_tag

DETECTION = "idle_ai_seat"
ACCOUNT, REGION = "network-hub", "us-east-1"  # where the organization manages its subscriptions
LOOKBACK = 30
GRACE_DAYS = 3  # first days of a month, when its subscriptions may not be on the bill yet
BUSY_USERS = 9


def plant_seats(plan: BillPlan) -> None:
    subscribed = _first_of_month(plan.calendar.first)
    for number in range(BUSY_USERS):
        _seat(plan, f"busy-{number}", plan_name="kiro_pro" if number % 3 else "kiro_pro_plus")
        _credits(plan, f"busy-{number}", first=plan.calendar.first, week=OFFICE, noise=0.2)
    for user, plan_name in (
        ("idle-pro", "kiro_pro"),
        ("idle-plus", "kiro_pro_plus"),
        ("idle-power", "kiro_power"),
    ):
        identity = _seat(plan, user, plan_name=plan_name)
        note = "subscribed every month, no credits"
        plan.after_lookback(DETECTION, identity, lookback=LOOKBACK, since=subscribed, note=note)
    _used_once(plan, subscribed)
    _ended(plan, subscribed)
    _new(plan)


def _seat(plan: BillPlan, user: str, *, plan_name: str, **options: Any) -> Identity:
    """Add a subscription, charged on the first of each month."""
    account = plan.organization.named(ACCOUNT)
    resource = _user_arn(user)
    monthly = {"monthly": True, "frequency": "Recurring", "tags": team_tag(account)}
    plan.charge(account, plan_name, REGION, resource=resource, daily=1.0, **monthly, **options)
    return (account.id, REGION, "Kiro", resource)


def _credits(plan: BillPlan, user: str, *, first: date, **options: Any) -> None:
    account = plan.organization.named(ACCOUNT)
    options = {"first": first, "tags": team_tag(account)} | options
    plan.charge(account, "kiro_credits", REGION, resource=_user_arn(user), daily=35.0, **options)


def _used_once(plan: BillPlan, subscribed: date) -> None:
    identity, day = _seat(plan, "rare", plan_name="kiro_pro"), plan.calendar.ago(20)
    _credits(plan, "rare", first=day, last=day + timedelta(days=1))
    note = "one day of credits, 20 days ago"
    plan.hard_negative(DETECTION, identity, kind="credits used on one day", note=note)
    note = "idle until it was used"
    plan.after_lookback(DETECTION, identity, lookback=LOOKBACK, since=subscribed, used_on=(day,), note=note)


def _ended(plan: BillPlan, subscribed: date) -> None:
    """Add a subscription without a charge in the newest month; a scan sees this only after the grace days."""
    ended = (plan.calendar.ago(SETTLE_DAYS + GRACE_DAYS + 1)).replace(day=1)
    identity = _seat(plan, "gone", plan_name="kiro_power", last=ended)
    note = "not charged this month"
    plan.hard_negative(DETECTION, identity, kind="a subscription that ended", note=note)
    plan.incident(
        DETECTION,
        identity,
        note="idle until it ended",
        since=subscribed,
        until=ended,
        found_after=LOOKBACK + SETTLE_DAYS,
        found_until=ended + timedelta(days=SETTLE_DAYS + GRACE_DAYS),
    )


def _new(plan: BillPlan) -> None:
    """Add a user who subscribed 20 days ago: a prorated charge, then one on the first of each month."""
    day = plan.calendar.ago(20)
    identity = _seat(plan, "new", plan_name="kiro_pro", first=day)
    account = plan.organization.named(ACCOUNT)
    prorated = {"first": day, "last": day + timedelta(days=1)}
    plan.charge(account, "kiro_pro", REGION, resource=_user_arn("new"), daily=0.4, **prorated)
    kind = "a user subscribed within the lookback"
    plan.hard_negative(DETECTION, identity, since=day, kind=kind, note="subscribed 20 days ago")


def _first_of_month(day: date) -> date:
    return day if day.day == 1 else next_month(day)


def _user_arn(user: str) -> str:
    return f"arn:aws:identitystore:::user/{user}"
