"""Plant cost anomalies, and costs that only look like one."""

from collections.abc import Callable
from datetime import date
from typing import Any

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.meter_catalog import AGENTCORE, EC2, meters
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan
from focuswatch.simulate.planned_charge_line import Week
from focuswatch.simulate.resource_tags import team_tag

DETECTION = "cost_anomaly"
OFFICE_HOURS: Week = (1.5, 1.6, 1.6, 1.5, 1.4, 0.05, 0.05)
WEEKENDS: Week = (0.5, 0.5, 0.5, 0.6, 1.0, 2.2, 1.9)
WEDNESDAYS: Week = (0.2, 0.2, 4.0, 0.2, 0.2, 0.2, 0.2)
USUAL_WAVER = {"growth": 0.0005, "noise": 0.05, "sway": 0.04}


def plant_anomalies(plan: BillPlan) -> None:
    _spikes(plan)
    _price_increase(plan)
    _agents(plan)
    _rhythms(plan)
    _fees_and_credits(plan)
    _below_thresholds(plan)


def _spikes(plan: BillPlan) -> None:
    for meter, usual, times, ago, days, note in (
        ("s3_requests", 90.0, 2.5, 5, 1, "a loop of requests for a day"),
        ("aurora_io", 120.0, 2.2, 6, 3, "a query without its index"),
        ("lambda_seconds", 150.0, 2.0, 12, 10, "a function that calls itself"),
        ("logs", 80.0, 3.0, 4, 2, "debug logging left on"),
        ("dynamo_writes", 70.0, 3.5, 8, 4, "an unannounced backfill"),
        ("sqs", 100.0, 2.6, 9, 1, "on the first day of a first scan"),
        ("lambda_seconds", 90.0, 4.0, 60, 3, "two months ago"),
    ):
        account = _series(plan, meter, usual=usual)
        first, last = plan.calendar.ago(ago), plan.calendar.ago(ago - days)
        _more(plan, account, meter, daily=(times - 1) * _level(plan, account, meter), first=first, last=last)
        identity = (account.id, None, meters()[meter].service, None)
        plan.incident(DETECTION, identity, since=first, until=last, note=note)


def _series(plan: BillPlan, meter: str, *, usual: float, **options: Any) -> SimulatedAccount:
    """Return an account after adding `usual` USD a day on the meter throughout the bill."""
    service = meters()[meter].service
    account = plan.pick("series", service, where=_calm(plan, service))
    daily = usual / meters()[meter].unit_price(account.regions[0])
    plan.charge(account, meter, account.regions[0], daily=daily, **(USUAL_WAVER | options))
    return account


def _calm(plan: BillPlan, service: str) -> Callable[[SimulatedAccount], bool]:
    """Return a filter for accounts in which no usage of a service starts or ends during the bill."""
    restless = {
        line.account.id
        for line in plan.lines
        if line.account
        and line.meter.service == service
        and line.category == "Usage"
        and not line.correction
        and (line.first > plan.begins(line.account) or line.last < plan.ends(line.account))
    }
    return lambda account: account.id not in restless


def _level(plan: BillPlan, account: SimulatedAccount, meter: str) -> float:
    """Return the account's USD a day for the meter's service in the last complete week."""
    service = meters()[meter].service
    return sum(
        float(line.quantities(plan.calendar)[-SETTLE_DAYS - 7 : -SETTLE_DAYS].mean()) * line.contracted_price
        for line in plan.lines
        if line.account is account and line.meter.service == service and line.category == "Usage"
    )


def _more(
    plan: BillPlan, account: SimulatedAccount, meter: str, *, daily: float, first: date, last: date
) -> None:
    """Add a charge of `daily` USD a day."""
    price = meters()[meter].unit_price(account.regions[0])
    plan.charge(account, meter, account.regions[0], daily=daily / price, first=first, last=last, noise=0.03)


def _price_increase(plan: BillPlan) -> None:
    """Charge the same hours at a higher price: a discount ended."""
    account = plan.pick("series", "Amazon Neptune")
    region, changed = account.regions[0], plan.calendar.ago(5)
    graph = plan.arn("neptune-graph", region, account, f"graph/g-{plan.random_id(10)}")
    plan.charge(account, "neptune", region, resource=graph, daily=3200, last=changed, noise=0.03)
    plan.charge(
        account, "neptune", region, resource=graph, daily=3200, first=changed, noise=0.03, price=0.075
    )
    plan.observe(account, region, graph, of=("AWS/Neptune", "NumOpenCypherRequestsPerSec"), daily=60)
    identity = (account.id, None, meters()["neptune"].service, None)
    plan.incident(DETECTION, identity, since=changed, note="the price went up, the volume did not")


def _agents(plan: BillPlan) -> None:
    """Add an increase in AgentCore cost, and the same increase ten times as large.

    A real bill had the increase: from 0.21 to 10.24 to 15.59 USD a day.
    """
    having = {line.account.id for line in plan.lines if line.account and line.meter.service == AGENTCORE}
    ago = plan.calendar.ago
    for times in (10.0, 1.0):
        account = plan.pick("agents", where=lambda account: account.uses_bedrock and account.id not in having)
        price = meters()["agent_memory"].price
        for usd, first, last in (
            (0.21, plan.calendar.first, ago(5)),
            (10.24, ago(5), ago(4)),
            (15.59, ago(4), ago(0)),
        ):
            options = {"tags": team_tag(account), "noise": 0.05, "first": first, "last": last}
            plan.charge(account, "agent_memory", account.regions[0], daily=times * usd / price, **options)
        identity = (account.id, None, AGENTCORE, None)
        if times > 1:
            plan.incident(DETECTION, identity, since=ago(5), note="an agent running away")
        else:
            note = "78 times the expected, 16 USD a day"
            plan.hard_negative(
                DETECTION, identity, since=ago(5), kind="amounts below the threshold", note=note
            )


def _hard_negative(
    plan: BillPlan,
    account: SimulatedAccount,
    service: str,
    *,
    kind: str,
    note: str,
    since: date | None = None,
) -> None:
    plan.hard_negative(DETECTION, (account.id, None, service, None), since=since, kind=kind, note=note)


def _rhythms(plan: BillPlan) -> None:
    cases: tuple[tuple[str, float, dict[str, Any], str, str], ...] = (
        ("aurora_io", 160.0, {"week": OFFICE_HOURS, "noise": 0.1}, "weekly rhythm", "idle at weekends"),
        ("lambda_seconds", 160.0, {"week": WEEKENDS, "noise": 0.1}, "weekly rhythm", "busy at weekends"),
        (
            "dynamo_writes",
            160.0,
            {"week": WEDNESDAYS, "noise": 0.1},
            "weekly rhythm",
            "rebuilt every Wednesday",
        ),
        ("logs", 120.0, {"growth": 0.005}, "steady growth", "half a percent a day"),
        ("sqs", 110.0, {"noise": 0.15, "sway": 0.12}, "noise", "up and down by a fifth"),
    )
    for meter, usual, options, kind, note in cases:
        account = _series(plan, meter, usual=usual, **options)
        _hard_negative(plan, account, meters()[meter].service, kind=kind, note=note)
    for name in ("legacy-shop", "old-campaigns"):
        account = plan.organization.named(name)
        note = "nothing is charged any more"
        _hard_negative(plan, account, EC2, kind="a series that ended", note=note, since=account.gone_on)


def _fees_and_credits(plan: BillPlan) -> None:
    account = _series(plan, "route53_queries", usual=4.0)
    zones = plan.arn("route53", None, account, "hostedzone/Z0" + plan.random_id(12).upper())
    monthly = {"monthly": True, "frequency": "Recurring"}
    line = plan.charge(account, "route53_zones", "global", resource=zones, daily=700, **monthly)
    kind = "month-start purchases and fees"
    _hard_negative(plan, account, line.meter.service, kind=kind, note="350 on the first of the month")
    account = _series(plan, "s3_requests", usual=60.0)
    span = {
        "first": plan.calendar.ago(5),
        "last": plan.calendar.ago(4),
        "price": 1.0,
        "frequency": "One-Time",
    }
    region = account.regions[0]
    plan.charge(account, "s3_requests", region, daily=-3000.0, category="Credit", **span)
    plan.charge(account, "s3_requests", region, daily=2500.0, category="Adjustment", correction=True, **span)
    kind, note = "credits, refunds, tax, fees and purchases", "a credit and a correction in the thousands"
    service = meters()["s3_requests"].service
    _hard_negative(plan, account, service, kind=kind, note=note, since=plan.calendar.ago(5))


def _below_thresholds(plan: BillPlan) -> None:
    ago = plan.calendar.ago
    account = _series(plan, "email", usual=60.0, first=ago(24))
    _more(plan, account, "email", daily=300.0, first=ago(4), last=ago(3))
    kind, note = "series without enough history", "three weeks old, six times the expected"
    _hard_negative(plan, account, meters()["email"].service, kind=kind, note=note, since=ago(24))
    account = _series(plan, "workspaces", usual=2.0)
    _more(plan, account, "workspaces", daily=9.0, first=ago(5), last=ago(3))
    kind, note = "amounts below the threshold", "five times the expected, 9 a day"
    _hard_negative(plan, account, meters()["workspaces"].service, kind=kind, note=note, since=ago(5))
