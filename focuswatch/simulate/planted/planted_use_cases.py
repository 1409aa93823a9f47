"""Use cases with a term, a month's plan or a launch: those that go beyond it, and those that keep to it."""

from datetime import date, timedelta
from typing import Any

from focuswatch.simulate.bill_plan import BillPlan, Identity
from focuswatch.simulate.everyday.everyday_accounts import signed
from focuswatch.simulate.list_prices import meters, sagemaker

OVERDUE = "experiment_overdue"
PACE = "budget_pace"
TAG = "use_case"


def named(use_case: str) -> Identity:
    """Who a finding about a use case is."""
    return (None, None, None, f"use case {use_case}")


def _use_case(plan: BillPlan, name: str, *, last: date | None = None, **says: Any) -> None:
    """A notebook of its own, tagged; `says` is what owners.toml does."""
    account = plan.any()
    region = account.regions[0]
    resource = plan.arn("sagemaker", region, account, f"notebook-instance/{name}")
    span = {"last": last} if last else {}
    tags = signed(account) | {TAG: name}
    plan.charge(
        account,
        sagemaker("Notebk", "ml.m5.xlarge"),
        region,
        resource=resource,
        daily=24.0,
        tags=tags,
        **span,
    )
    plan.use_cases[name] = {"intent": "production", "rows": {"tags": {TAG: [name]}}} | says


def plant_experiments(plan: BillPlan) -> None:
    ago = plan.calendar.ago
    overdue: tuple[tuple[str, dict[str, Any], date, str], ...] = (
        ("resume-screening", {"review_on": ago(30)}, ago(30), "nobody came to its review"),
        ("meeting-notes", {"cap": 60}, ago(60), "its cap is long gone"),
    )
    quiet: tuple[tuple[str, dict[str, Any], date | None, str, str], ...] = (
        (
            "quarter-forecasts",
            {"review_on": ago(-60), "cap": 5000},
            None,
            "an experiment within its term",
            "a trial",
        ),
        (
            "poster-drafts",
            {"review_on": ago(40)},
            ago(20),
            "an experiment that ended",
            "stopped late, and stopped",
        ),
        ("invoice-reading", {"intent": "production"}, None, "production", "it was an experiment once"),
    )
    for name, says, since, note in overdue:
        _use_case(plan, name, intent="experiment", hypothesis="it saves an hour a week", **says)
        plan.incident(OVERDUE, named(name), since=since, note=note)
    for name, says, last, kind, note in quiet:
        _use_case(plan, name, last=last, **({"intent": "experiment"} | says))
        plan.quiet(OVERDUE, named(name), kind=kind, note=note)


def plant_plans(plan: BillPlan) -> None:
    _launch(plan)
    monthly = 24.0 * sagemaker("Notebk", "ml.m5.xlarge").unit_price("us-east-1") * 30
    for name, share, note in (
        ("claims-triage", 0.5, "twice its plan"),
        ("tutor", 0.75, "a third over its plan"),
    ):
        _use_case(plan, name, monthly_budget=round(share * monthly, 2))
        plan.incident(PACE, named(name), note=note)
    _use_case(plan, "glossary", monthly_budget=round(1.6 * monthly, 2))
    plan.quiet(PACE, named("glossary"), kind="a plan that lasts", note="two thirds of it are needed")
    _use_case(plan, "old-tutor", monthly_budget=round(0.8 * monthly, 2), last=plan.calendar.ago(20))
    plan.quiet(
        PACE, named("old-tutor"), kind="what has ended", note="a quarter over its plan, until it ended"
    )


def _launch(plan: BillPlan) -> None:
    """Six times the usual since four days ago, as owners.toml announced."""
    account = plan.any(where=lambda one: one.uses_bedrock)
    region, since = account.regions[0], plan.calendar.ago(4)
    resource = plan.arn("bedrock", region, account, f"application-inference-profile/{plan.opaque(12)}")
    options: dict[str, Any] = {
        "resource": resource,
        "tags": signed(account) | {TAG: "shop-guide"},
        "noise": 0.05,
    }
    meter = meters()["haiku3_in"]
    usual = 14.0 / 5 / meter.unit_price(region)
    plan.charge(account, meter, region, daily=usual, **options)
    plan.charge(account, meter, region, daily=5 * usual, first=since, **options)
    launch = {"first_day": since, "last_day": since + timedelta(days=13), "factor": 8.0}
    plan.use_cases["shop-guide"] = {
        "intent": "production", "rows": {"tags": {TAG: ["shop-guide"]}}, "launches": [launch],
    }  # fmt: skip
    identity = (account.id, region, meter.service, resource)
    plan.quiet(
        "token_burst", identity, since=since, kind="a launch that a plan announces", note="as announced"
    )
