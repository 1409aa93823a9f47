"""Plant use cases that exceed their review date, cap or budget, and use cases that do not."""

import math
from datetime import date
from typing import Any

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.incidents_and_lookalikes.add_use_case_with_tagged_notebook import add_use_case
from focuswatch.simulate.incidents_and_lookalikes.announced_launch import plant_announced_launch
from focuswatch.simulate.meter_catalog import sagemaker
from focuswatch.simulate.planned_bill import BillPlan, use_case_identity

OVERDUE = "experiment_overdue"
PACE = "budget_pace"
HISTORY_DAYS = 45


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
    plant_announced_launch(plan)
    # The cheapest Regions have the price of us-east-1; in other Regions, the use cases cost up to 15 % more.
    monthly = 24.0 * sagemaker("Notebk", "ml.m5.xlarge").unit_price("us-east-1") * 30
    for name, share, note in (
        ("claims-triage", 0.5, "at least twice its budget"),
        ("tutor", 0.75, "at least a third over its budget"),
    ):
        add_use_case(plan, name, monthly_budget=round(share * monthly, 2))
        _over_budget(plan, name, note=note)
    add_use_case(plan, "glossary", monthly_budget=round(1.6 * monthly, 2))
    plan.hard_negative(
        PACE,
        use_case_identity("glossary"),
        kind="a plan that lasts",
        note="it needs less than three quarters of it",
    )
    last, note = plan.calendar.ago(20), "at least a quarter over its budget, until it ended"
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
