"""Close a month: compare its actual cost with the forecasts from three days of the month, and find the causes.

The forecasts are those that scans stored on these days. If none was stored on a day, its forecast is recomputed from
the charges through that day, as they are on the bill now, and marked as recomputed.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from focuswatch.bill.bill_protocol import Bill
from focuswatch.bill.kept_forecast_record_and_merge import KeptForecast
from focuswatch.bill.settling_days import AWS_DAYS
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.forecast.make_and_store_forecasts_for_month_close import forecasts_as_of
from focuswatch.ledger import LedgerEntry
from focuswatch.owners.owners_file import Owners
from focuswatch.owners.teams_and_routing_sections import Team
from focuswatch.owners.use_cases_section import UseCase
from focuswatch.reports.choose_ended_and_invoiced_month import ended_month, month_and_invoices, next_month
from focuswatch.reports.explain_forecast_difference_by_launch_incident_or_price import (
    MonthCause,
    month_causes,
)
from focuswatch.reports.month_close_model_with_report_rows_and_notes import (
    FORECAST_DAYS,
    UNALLOCATED,
    ClosedPlan,
    MonthClose,
)

REPORT = "month_close"
# Exports can be delivered late, so a forecast stored up to this many days later counts for its day.
LATER_DAYS = 3
ALL = ("all", "all")
ORDER = {"all": 0, "team": 1, "use case": 2}
PlanKey = tuple[str, str]  # kind and name


@dataclass(frozen=True)
class DayForecasts:
    """The forecasts made on a day of the month, by plan; `is_recomputed` if none were stored."""

    day: int
    by_plan: Mapping[PlanKey, KeptForecast]
    is_recomputed: bool


def close_month(
    bill: Bill,
    entries: Iterable[LedgerEntry],
    *,
    catalog: Catalog,
    owners: Owners,
    month: date | None = None,
) -> MonthClose:
    """Return the close of a month.

    By default, this is the newest month that has ended; if its invoice is not issued yet, but that of the month before
    is, it is the month before. The result has no plans if no month of the bill has ended. Raises QueryError,
    ExportError if the delivered charges cannot be selected, and ConfigError if `month` has not ended or is not on the
    bill.
    """
    if not month and ended_month(bill.as_of) < bill.summary.first_charge_date.replace(day=1):
        return MonthClose(ended_month(bill.as_of), bill.summary.currency, (), (), ())
    month, invoices = month_and_invoices(bill, month, catalog=catalog)
    end = next_month(month)
    actual_days = _actual_days(bill, month=month, catalog=catalog)
    days = [_forecasts(bill, month, day=day, catalog=catalog, owners=owners) for day in FORECAST_DAYS]
    settled = min(bill.as_of, end + timedelta(days=AWS_DAYS))
    following = _by_plan(forecasts_as_of(bill, settled, catalog=catalog, owners=owners, month=end))
    causes = month_causes(bill, entries, month=month, end=end, catalog=catalog, owners=owners)
    plans = [
        _closed_plan(plan, costs, days=days, causes=causes, following=following, owners=owners)
        for plan, costs in actual_days.items()
    ]
    plans.sort(key=lambda plan: (ORDER[plan.of], -plan.actual, plan.name))
    recomputed = tuple(one.day for one in days if one.is_recomputed)
    return MonthClose(month, bill.summary.currency, tuple(invoices), tuple(plans), recomputed)


def _forecasts(bill: Bill, month: date, *, day: int, catalog: Catalog, owners: Owners) -> DayForecasts:
    """Return the forecasts that were stored on a day or shortly after; recompute them if none were."""
    made_on = month + timedelta(days=day)
    kept: dict[date, list[KeptForecast]] = defaultdict(list)
    for row in bill.kept_forecasts(month):
        if made_on <= row.made_on <= made_on + timedelta(days=LATER_DAYS):
            kept[row.made_on].append(row)
    if kept:
        return DayForecasts(day, _by_plan(kept[min(kept)]), is_recomputed=False)
    again = forecasts_as_of(bill, made_on, catalog=catalog, owners=owners, month=month)
    return DayForecasts(day, _by_plan(again), is_recomputed=True)


def _by_plan(rows: Iterable[KeptForecast]) -> dict[PlanKey, KeptForecast]:
    by_plan: dict[PlanKey, KeptForecast] = {}
    for row in rows:
        by_plan.setdefault((row.plan_of, row.plan), row)
    return by_plan


def _actual_days(bill: Bill, *, month: date, catalog: Catalog) -> dict[PlanKey, dict[date, float]]:
    """Return the actual cost of each day of the month, by plan."""
    last = bill.as_of.replace(day=1)
    months = (last.year - month.year) * 12 + last.month - month.month
    statement = catalog.report(REPORT).render({"as_of": bill.as_of, "months_before": months})
    plans: dict[PlanKey, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for row in bill.engine.query(statement, label=REPORT):
        named: list[PlanKey] = [ALL, ("team", row["team"] or UNALLOCATED)]
        named += [("use case", row["use_case"])] if row["use_case"] else []
        for plan in named:
            plans[plan][row["charge_date"]] += row["billed_cost"]
    return plans


def _closed_plan(
    plan: PlanKey,
    costs: Mapping[date, float],
    *,
    days: Sequence[DayForecasts],
    causes: Iterable[MonthCause],
    following: Mapping[PlanKey, KeptForecast],
    owners: Owners,
) -> ClosedPlan:
    of, name = plan
    kept = [one.by_plan[plan] for one in days if not one.is_recomputed and plan in one.by_plan]
    return ClosedPlan(
        of=of,
        name=name,
        actual=sum(costs.values()),
        forecasts={one.day: one.by_plan[plan] for one in days if plan in one.by_plan},
        causes=tuple(cause for cause in causes if _is_of(cause, plan)),
        late_charges=_late_charges(costs, kept[-1]) if kept else None,
        next_month=following.get(plan),
        budget=_budget(plan, owners),
    )


def _is_of(cause: MonthCause, plan: PlanKey) -> bool:
    of, name = plan
    return {"all": True, "team": (cause.team or UNALLOCATED) == name, "use case": cause.use_case == name}[of]


def _late_charges(costs: Mapping[date, float], newest: KeptForecast) -> float:
    """Return the charges that were added to complete days after a forecast was stored."""
    return sum(cost for day, cost in costs.items() if day < newest.settled_until) - newest.spent


def _budget(plan: PlanKey, owners: Owners) -> float | None:
    of, name = plan
    owner: Team | UseCase | None = None
    if of == "team":
        owner = owners.teams.get(name)
    elif of == "use case":
        owner = owners.use_cases.get(name)
    return None if owner is None or owner.monthly_budget is None else float(owner.monthly_budget)
