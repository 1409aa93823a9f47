"""Plant use cases that exceed their review date, cap or budget, and use cases that do not."""

import math
from datetime import date, timedelta
from typing import Any

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.daily_charges_of_resource import Line
from focuswatch.simulate.meter_prices import meters, sagemaker
from focuswatch.simulate.planned_bill import USE_CASE_TAG, BillPlan, use_case_identity
from focuswatch.simulate.resource_tags import team_tag

OVERDUE = "experiment_overdue"
PACE = "budget_pace"
CAP = "spend_cap"
HISTORY_DAYS = 45


def add_use_case(plan: BillPlan, name: str, *, last: date | None = None, **options: Any) -> Line:
    """Add a notebook tagged with a new use case; `options` are those of the use case in owners.toml."""
    account = plan.random_account()
    region = account.regions[0]
    resource = plan.arn("sagemaker", region, account, f"notebook-instance/{name}")
    span = {"last": last} if last else {}
    tags = team_tag(account) | {USE_CASE_TAG: name}
    meter = sagemaker("Notebk", "ml.m5.xlarge")
    line = plan.charge(account, meter, region, resource=resource, daily=24.0, tags=tags, **span)
    plan.use_cases[name] = {"intent": "production", "rows": {"tags": {USE_CASE_TAG: [name]}}} | options
    return line


def plant_experiments(plan: BillPlan) -> None:
    ago = plan.calendar.ago
    trial: dict[str, Any] = {"intent": "experiment", "hypothesis": "it saves an hour a week"}
    add_use_case(plan, "resume-screening", **trial, review_on=ago(30))
    _overdue(plan, "resume-screening", since=ago(30), note="its review date has passed")
    line = add_use_case(plan, "meeting-notes", **trial, cap=60)
    reached = plan.calendar.day(math.ceil(60 / line.daily_cost) - 1)
    _overdue(plan, "meeting-notes", since=reached, note="its cap is reached")
    add_use_case(plan, "quarter-forecasts", intent="experiment", review_on=ago(-60), cap=5000)
    kind = "an experiment within its term"
    plan.hard_negative(OVERDUE, use_case_identity("quarter-forecasts"), kind=kind, note="a trial")
    add_use_case(plan, "poster-drafts", last=ago(20), intent="experiment", review_on=ago(40))
    _overdue(plan, "poster-drafts", since=ago(40), until=ago(20), note="stopped after its review date")
    kind = "an experiment that ended"
    plan.hard_negative(
        OVERDUE, use_case_identity("poster-drafts"), kind=kind, note="stopped after its review date"
    )
    add_use_case(plan, "invoice-reading", intent="production")
    plan.hard_negative(
        OVERDUE, use_case_identity("invoice-reading"), kind="production", note="once an experiment"
    )


def _overdue(plan: BillPlan, name: str, *, since: date, until: date | None = None, note: str) -> None:
    plan.incident(
        OVERDUE,
        use_case_identity(name),
        since=since,
        until=until,
        note=note,
        found_after=SETTLE_DAYS + 1,
        found_until=until,
    )


def plant_budgets(plan: BillPlan) -> None:
    _launch(plan)
    monthly = 24.0 * sagemaker("Notebk", "ml.m5.xlarge").unit_price("us-east-1") * 30
    for name, share, note in (
        ("claims-triage", 0.5, "twice its budget"),
        ("tutor", 0.75, "a third over its budget"),
    ):
        add_use_case(plan, name, monthly_budget=round(share * monthly, 2))
        _over_budget(plan, name, note=note)
    add_use_case(plan, "glossary", monthly_budget=round(1.6 * monthly, 2))
    plan.hard_negative(
        PACE, use_case_identity("glossary"), kind="a plan that lasts", note="it needs two thirds of it"
    )
    last, note = plan.calendar.ago(20), "a quarter over its budget, until it ended"
    add_use_case(plan, "old-tutor", monthly_budget=round(0.8 * monthly, 2), last=last)
    _over_budget(plan, "old-tutor", until=last, note=note)
    plan.hard_negative(PACE, use_case_identity("old-tutor"), kind="what has ended", note=note)


def _over_budget(plan: BillPlan, name: str, *, until: date | None = None, note: str) -> None:
    """State an incident that is found when the forecast has more than a month of history."""
    plan.incident(
        PACE,
        use_case_identity(name),
        since=plan.calendar.day(HISTORY_DAYS),
        until=until,
        note=note,
        found_after=SETTLE_DAYS + 1,
        found_until=until,
    )


def end_use_case(plan: BillPlan, name: str, *, until: date) -> None:
    """State that a cap must not be reported once its use case has had no spend for five weeks."""
    kind, note = "an experiment that ended long ago", "its last charge was seven weeks ago"
    plan.hard_negative(CAP, use_case_identity(name), kind=kind, note=note, since=until + timedelta(days=36))


def _launch(plan: BillPlan) -> None:
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
