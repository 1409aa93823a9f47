"""Plant recommendations of AWS Cost Optimization Hub for resources that the plan already charges."""

from collections.abc import Iterator
from datetime import timedelta

from focuswatch.simulate.planned_bill import BillPlan, Identity
from focuswatch.simulate.planned_charge_line import FLAT, Line
from focuswatch.simulate.planned_recommendation import PlannedRecommendation, list_cost

DETECTION = "aws_recommendation"
LOOKBACK = 7


def plant_recommendations(plan: BillPlan) -> None:
    """Add recommendations without drawing random numbers, so that the rest of the bill stays the same."""
    lines = _machines(plan)
    yesterday = plan.calendar.as_of - timedelta(days=1)

    def recommend(line: Line, *, share: float, **options: object) -> PlannedRecommendation:
        values = {"action": "Rightsize", "refreshed_on": yesterday, **options}
        # mypy does not check the options of a local helper against the fields
        planted = PlannedRecommendation(line, saving=round(list_cost(line) * share, 2), **values)  # type: ignore[arg-type]
        plan.recommendations.append(planted)
        return planted

    for action in ("Rightsize", "MigrateToGraviton", "Stop", "Rightsize"):
        line = next(lines)
        share = 1.0 if action == "Stop" else 0.5
        recommend(line, share=share, action=action)
        recommend(line, share=share / 4, action="Upgrade")  # another one for the resource, with lower savings
        plan.incident(
            DETECTION,
            _identity(line),
            note=f"AWS recommends {action}",
            since=plan.calendar.first,
            found_after=LOOKBACK + 3,
        )
    stale = plan.calendar.as_of - timedelta(days=40)
    for kind, note, options in (
        ("no savings", "an upgrade that costs nothing more", {"share": 0.0, "action": "Upgrade"}),
        ("another currency", "the estimate is in EUR", {"share": 0.5, "currency": "EUR"}),
        ("withdrawn", "refreshed 40 days ago", {"share": 0.5, "refreshed_on": stale}),
        ("below the threshold", "savings of a few dollars", {"share": 0.01}),
        ("purchase", "a Savings Plan", {"share": 0.3, "action": "PurchaseSavingsPlans", "resource": ""}),
    ):
        line = next(lines)
        recommend(line, **options)
        plan.hard_negative(DETECTION, _identity(line), kind=kind, note=note)
    line = next(lines)
    gone = f"{line.resource}-deleted"
    recommend(line, share=0.5, resource=gone)
    identity = (*_identity(line)[:3], gone)
    plan.hard_negative(DETECTION, identity, kind="no charges", note="the instance is gone")


def _machines(plan: BillPlan) -> Iterator[Line]:
    """Yield instances that run all day and throughout the bill, one for each account, in a fixed order."""
    seen = set[str]()
    for line in plan.lines:
        if (
            line.account is not None
            and line.account.id not in seen
            and line.resource is not None
            and "BoxUsage:m6i.2xlarge" in line.meter.meter
            and (line.copies, line.week, line.growth, line.category) == (1, FLAT, 0.0, "Usage")
            and line.commitment is None
            and (line.first, line.last) == (plan.calendar.first, plan.calendar.as_of)
        ):
            seen.add(line.account.id)
            yield line


def _identity(line: Line) -> Identity:
    assert line.account is not None
    return line.account.id, line.region, line.meter.service, line.resource
