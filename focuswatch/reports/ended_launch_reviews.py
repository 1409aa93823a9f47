"""Review the launches that ended in the last week: planned and actual cost factor, and unit cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from focuswatch.bill.settling_days import AWS_DAYS
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines import Engine, Row
from focuswatch.findings.amount_text_without_currency import amount
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.query_report_rows import report_rows

REPORT = "launch_review"
WEEK_DAYS = 7


@dataclass(frozen=True)
class LaunchReview:
    """The review of a launch that ended.

    Costs are in the billing currency. A factor or unit cost is None if it is unknown.
    """

    use_case: str
    team: str | None
    last_day: date
    planned_factor: float
    actual_factor: float | None
    average_factor: float | None
    verdict: str
    launch_cost: float
    unit: str | None = None
    unit_cost_before: float | None = None
    unit_cost: float | None = None
    accepted_unit_cost: float | None = None

    def sentence(self, currency: str) -> str:
        """Return when the launch ended, its factor and unit cost compared with the planned ones, and its cost."""
        planned = f"planned: up to {self.planned_factor:g}"
        if self.actual_factor is None or self.average_factor is None:
            factor = f"{self.verdict} ({planned} times the baseline)"
        else:
            factor = (
                f"{self.verdict}, {self.actual_factor:.1f} times the baseline on the most expensive day "
                f"({planned}), {self.average_factor:.1f} on average"
            )
        cost = f"{amount(self.launch_cost)} {currency} in total"
        return f"Launch {self.use_case} ended on {self.last_day}: {factor}; {cost}{self._unit_text(currency)}"

    def _unit_text(self, currency: str) -> str:
        if self.unit_cost is None:
            return ""
        compared = [
            f"{name}: {amount(value)}"
            for name, value in (("before", self.unit_cost_before), ("accepted", self.accepted_unit_cost))
            if value is not None
        ]
        beside = f" ({', '.join(compared)})" if compared else ""
        return f"; {amount(self.unit_cost)} {currency} per {self.unit}{beside}"


def launches_ended_this_week(
    engine: Engine, *, catalog: Catalog, owners: Owners, as_of: date
) -> tuple[LaunchReview, ...]:
    """Return the reviews of launches whose last day is one of the last seven complete days. Raises QueryError.

    If no launch ended on these days, no query runs. In a digest that is built every week, each launch appears once.
    """
    settled_until = as_of - timedelta(days=AWS_DAYS + 1)
    ended = (
        launch
        for use_case in owners.use_cases.values()
        for launch in use_case.launches
        if settled_until - timedelta(days=WEEK_DAYS) < launch.last_day <= settled_until
    )
    if not any(ended):
        return ()
    rows = report_rows(catalog.report(REPORT), engine=engine, as_of=as_of, owners=owners)
    return tuple(_review(row) for row in rows if row["ended_this_week"])


def reviews_summary(reviews: Sequence[LaunchReview], *, currency: str) -> str | None:
    """Return one line: the review of the most expensive launch, and how many launches ended; None if none did."""
    if not reviews:
        return None
    first = max(reviews, key=lambda review: review.launch_cost)
    more = f". To see all {len(reviews)} launches, run focuswatch report {REPORT}" if len(reviews) > 1 else ""
    return first.sentence(currency) + more


def _review(row: Row) -> LaunchReview:
    return LaunchReview(
        use_case=row["use_case"],
        team=row["team"],
        last_day=row["last_day"],
        planned_factor=row["planned_factor"],
        actual_factor=row["actual_factor"],
        average_factor=row["average_factor"],
        verdict=row["verdict"],
        launch_cost=row["launch_cost"] or 0.0,
        unit=row["unit"],
        unit_cost_before=row["unit_cost_before"],
        unit_cost=row["unit_cost"],
        accepted_unit_cost=row["accepted_unit_cost"],
    )
