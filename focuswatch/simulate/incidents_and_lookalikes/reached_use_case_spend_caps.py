"""Plant use cases that reach their spend cap, and use cases that do not."""

import math
from datetime import timedelta
from typing import Any

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.incidents_and_lookalikes.add_use_case_with_tagged_notebook import add_use_case
from focuswatch.simulate.incidents_and_lookalikes.overdue_and_over_budget_use_cases import OVERDUE
from focuswatch.simulate.planned_bill import BillPlan, use_case_identity

CAP = "spend_cap"


def plant_spend_caps(plan: BillPlan) -> None:
    """Add use cases with `on_cap`: one that spends its cap, one far below it, and one without spend for weeks."""
    trial: dict[str, Any] = {"intent": "experiment", "hypothesis": "it halves the reading"}
    line = add_use_case(plan, "contract-reading", **trial, cap=60, on_cap="notify")
    reached = plan.calendar.day(math.ceil(0.7 * 60 / line.daily_cost) - 1)
    plan.incident(
        CAP,
        use_case_identity("contract-reading"),
        since=reached,
        note="70 % of its cap is spent",
        found_after=SETTLE_DAYS + 1,
    )
    kind = "a cap that experiment_overdue reports"
    plan.hard_negative(OVERDUE, use_case_identity("contract-reading"), kind="a cap with on_cap", note="spent")
    plan.hard_negative(CAP, use_case_identity("meeting-notes"), kind=kind, note="no on_cap")
    add_use_case(plan, "slide-drafts", **trial, cap=5000, on_cap="notify")
    plan.hard_negative(CAP, use_case_identity("slide-drafts"), kind="less than 70 % spent", note="a trial")
    last = plan.calendar.ago(50)
    add_use_case(plan, "old-reading", **trial, cap=60, on_cap="notify", last=last)
    if plan.calendar.day(0) <= last:
        # A cap is not reported once its use case has had no spend for five weeks.
        kind, note = "an experiment that ended long ago", "its last charge was seven weeks ago"
        since = last + timedelta(days=36)
        plan.hard_negative(CAP, use_case_identity("old-reading"), kind=kind, note=note, since=since)
