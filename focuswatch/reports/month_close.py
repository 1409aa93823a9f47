"""The month close: forecasts of three days of a month compared with its actual cost, and what explains the difference.

Forecasts are those that scans kept on these days. Where none was kept, the forecast is computed again from the charges
before that day as the bill has them now, and marked.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from focuswatch.bill.bill import Bill
from focuswatch.bill.invoice_charges import MonthInvoice, month_invoices
from focuswatch.bill.kept_forecasts import KeptForecast
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.forecast.kept_plans import forecasts_as_of
from focuswatch.engines import Row
from focuswatch.errors import ConfigError
from focuswatch.ledger import LedgerEntry
from focuswatch.owners.owners_file import Owners, Team
from focuswatch.owners.use_cases import UseCase
from focuswatch.reports.month_causes import CauseKind, MonthCause, month_causes

REPORT = "month_close"
FORECAST_DAYS = (1, 10, 20)
LATER_DAYS = 3  # a forecast made so many days later still stands for its day: deliveries can be late
SETTLE_DAYS = 2  # as in athena_sql/tables/completeness.sql
INVOICED_SHARE = 0.99  # of the charges without signs: some charges of AWS Marketplace are invoiced later
UNALLOCATED = "(unallocated)"
ALL = ("all", "all")
ORDER = {"all": 0, "team": 1, "use case": 2}
COLUMNS = (
    "month", "of", "name", "actual", *(f"forecast_day_{day}" for day in FORECAST_DAYS), "difference", "launches",
    "incidents", "price", "late_charges", "other", "budget", "next_month", "recomputed", "causes",
)  # fmt: skip
IN_NOTES = ("month", "recomputed", "causes")  # columns that the notes say for all rows
NAMED_CAUSES = 5
Plan = tuple[str, str]  # its kind and its name


@dataclass(frozen=True)
class DayForecasts:
    """The forecasts of a day of the month, by plan; `is_recomputed` if none were kept."""

    day: int
    by_plan: Mapping[Plan, KeptForecast]
    is_recomputed: bool


@dataclass(frozen=True)
class ClosedPlan:
    """The month of the bill, a team or a use case. Money is BilledCost; a forecast is None where there was none.

    `late_charges` is None if no forecast was kept.
    """

    of: str
    name: str
    actual: float
    forecasts: Mapping[int, KeptForecast]
    causes: tuple[MonthCause, ...]
    late_charges: float | None
    next_month: KeptForecast | None
    budget: float | None

    @property
    def difference(self) -> float | None:
        """The actual cost minus the forecast of the first day."""
        first = self.forecasts.get(FORECAST_DAYS[0])
        return None if first is None else self.actual - first.forecast

    def explained(self, kind: CauseKind) -> float:
        """Return the sum of the causes of one kind."""
        return sum((cause.amount for cause in self.causes if cause.kind == kind), 0.0)

    @property
    def other(self) -> float | None:
        """The part of the difference that is not explained."""
        if self.difference is None:
            return None
        return self.difference - sum(cause.amount for cause in self.causes) - (self.late_charges or 0.0)


@dataclass(frozen=True)
class MonthClose:
    """A month, its invoices, and its plans: the bill first, then teams and use cases, highest cost first."""

    month: date
    currency: str
    invoices: tuple[MonthInvoice, ...]
    plans: tuple[ClosedPlan, ...]
    recomputed: tuple[int, ...]  # days of the month whose forecasts were not kept

    @property
    def is_invoiced(self) -> bool:
        """Whether the invoice of the month is issued."""
        return _is_invoiced(self.invoices)

    @property
    def notes(self) -> list[str]:
        """Return what the rows do not say: the invoices, which forecasts were kept, and the largest causes."""
        if not self.plans:
            return ["No month of this bill has ended."]
        return [*self._invoice_note(), *self._forecast_note(), *self._cause_note()]

    def _invoice_note(self) -> Iterator[str]:
        if not self.is_invoiced:
            yield f"{self.month:%B %Y} is not invoiced yet: its charges can still change."
            return
        named = ", ".join(
            f"{invoice.invoice_id} ({invoice.billed_cost:,.2f} {self.currency} with credits and tax)"
            for invoice in self.invoices
            if invoice.invoice_id
        )
        yield f"{self.month:%B %Y} is invoiced: {named}."

    def _forecast_note(self) -> Iterator[str]:
        if self.recomputed:
            days = ", ".join(f"day {day}" for day in self.recomputed)
            yield f"No forecast was kept on {days}: computed again from the charges before that day."

    def _cause_note(self) -> Iterator[str]:
        causes = self.plans[0].causes
        if causes:
            named = "; ".join(f"{cause.name}, {cause.amount:+,.2f}" for cause in causes[:NAMED_CAUSES])
            more = f"; {len(causes) - NAMED_CAUSES} more" if len(causes) > NAMED_CAUSES else ""
            yield f"Largest causes: {named}{more}."

    @property
    def rows(self) -> list[Row]:
        """Return the rows of the report."""
        return [self._row(plan) for plan in self.plans]

    def _row(self, plan: ClosedPlan) -> Row:
        forecasts = [plan.forecasts.get(day) for day in FORECAST_DAYS]
        values = (
            f"{self.month:%Y-%m}", plan.of, plan.name, plan.actual,
            *(None if forecast is None else forecast.forecast for forecast in forecasts), plan.difference,
            plan.explained("launch"), plan.explained("incident"), plan.explained("price"),
            plan.late_charges, plan.other, plan.budget, plan.next_month and plan.next_month.forecast,
            ", ".join(f"day {day}" for day in self.recomputed) or None,
            [f"{cause.name}: {cause.amount:+,.2f}" for cause in plan.causes],
        )  # fmt: skip
        return {name: _rounded(value) for name, value in zip(COLUMNS, values, strict=True)}


def close_month(
    bill: Bill,
    entries: Iterable[LedgerEntry],
    *,
    catalog: Catalog,
    owners: Owners,
    month: date | None = None,
) -> MonthClose:
    """Return the close of a month, by default of the newest month that is invoiced, or else of the newest that ended.

    It has no plans if no month of the bill has ended. Raises ConfigError for a month that has not ended or that the
    bill does not have, and QueryError.
    """
    if not month and _ended_month(bill.as_of) < bill.summary.first_charge_date.replace(day=1):
        return MonthClose(_ended_month(bill.as_of), bill.summary.currency, (), (), ())
    month, invoices = _month_and_invoices(bill, month, catalog=catalog)
    end = _next(month)
    actual_days = _actual_days(bill, month=month, catalog=catalog)
    days = [_forecasts(bill, month, day=day, catalog=catalog, owners=owners) for day in FORECAST_DAYS]
    settled = min(bill.as_of, end + timedelta(days=SETTLE_DAYS))
    following = _by_plan(forecasts_as_of(bill, settled, catalog=catalog, owners=owners, month=end))
    causes = month_causes(bill, entries, month=month, end=end, catalog=catalog, owners=owners)
    plans = [
        _closed_plan(plan, costs, days=days, causes=causes, following=following, owners=owners)
        for plan, costs in actual_days.items()
    ]
    plans.sort(key=lambda plan: (ORDER[plan.of], -plan.actual, plan.name))
    recomputed = tuple(one.day for one in days if one.is_recomputed)
    return MonthClose(month, bill.summary.currency, tuple(invoices), tuple(plans), recomputed)


def invoiced_month(bill: Bill, *, catalog: Catalog, is_closed: Callable[[date], bool]) -> date | None:
    """Return the newest month that has ended, if it is to be closed: its days are complete and its invoice is issued.

    `is_closed` tells whether that was done before. The export is read only if it was not. Raises QueryError.
    """
    month = _ended_month(bill.as_of)
    is_complete = bill.as_of >= _next(month) + timedelta(days=SETTLE_DAYS)
    if not is_complete or bill.summary.first_charge_date >= _next(month) or is_closed(month):
        return None
    return month if _is_invoiced(month_invoices(bill, month, catalog=catalog)) else None


def _month_and_invoices(
    bill: Bill, month: date | None, *, catalog: Catalog
) -> tuple[date, list[MonthInvoice]]:
    newest, first = _ended_month(bill.as_of), bill.summary.first_charge_date.replace(day=1)
    if month and not first <= month <= newest:
        raise ConfigError(
            f"{REPORT}: {month:%Y-%m} is not a month of this bill that has ended; its charges are from "
            f"{bill.summary.first_charge_date} to {bill.summary.last_charge_date}. Specify another month."
        )
    if month:
        return month, month_invoices(bill, month, catalog=catalog)
    invoices = month_invoices(bill, newest, catalog=catalog)
    before = _ended_month(newest)
    if not _is_invoiced(invoices) and before >= first:
        earlier = month_invoices(bill, before, catalog=catalog)
        if _is_invoiced(earlier):
            return before, earlier
    return newest, invoices


def _is_invoiced(invoices: Iterable[MonthInvoice]) -> bool:
    listed = list(invoices)
    everything = sum(invoice.absolute_cost for invoice in listed)
    issued = sum(invoice.absolute_cost for invoice in listed if invoice.invoice_id)
    return issued > 0 and issued >= INVOICED_SHARE * everything


def _forecasts(bill: Bill, month: date, *, day: int, catalog: Catalog, owners: Owners) -> DayForecasts:
    """Return the forecasts that were kept on a day or shortly after, or else computed again."""
    made_on = month + timedelta(days=day)
    kept: dict[date, list[KeptForecast]] = defaultdict(list)
    for row in bill.kept_forecasts(month):
        if made_on <= row.made_on <= made_on + timedelta(days=LATER_DAYS):
            kept[row.made_on].append(row)
    if kept:
        return DayForecasts(day, _by_plan(kept[min(kept)]), is_recomputed=False)
    again = forecasts_as_of(bill, made_on, catalog=catalog, owners=owners, month=month)
    return DayForecasts(day, _by_plan(again), is_recomputed=True)


def _by_plan(rows: Iterable[KeptForecast]) -> dict[Plan, KeptForecast]:
    by_plan: dict[Plan, KeptForecast] = {}
    for row in rows:
        by_plan.setdefault((row.plan_of, row.plan), row)
    return by_plan


def _actual_days(bill: Bill, *, month: date, catalog: Catalog) -> dict[Plan, dict[date, float]]:
    """Return the actual cost of each day of the month, by plan."""
    last = bill.as_of.replace(day=1)
    months = (last.year - month.year) * 12 + last.month - month.month
    statement = catalog.report(REPORT).render({"as_of": bill.as_of, "months_before": months})
    plans: dict[Plan, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for row in bill.engine.query(statement, label=REPORT):
        named: list[Plan] = [ALL, ("team", row["team"] or UNALLOCATED)]
        named += [("use case", row["use_case"])] if row["use_case"] else []
        for plan in named:
            plans[plan][row["charge_date"]] += row["billed_cost"]
    return plans


def _closed_plan(
    plan: Plan,
    costs: Mapping[date, float],
    *,
    days: Sequence[DayForecasts],
    causes: Iterable[MonthCause],
    following: Mapping[Plan, KeptForecast],
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


def _is_of(cause: MonthCause, plan: Plan) -> bool:
    of, name = plan
    return {"all": True, "team": (cause.team or UNALLOCATED) == name, "use case": cause.use_case == name}[of]


def _late_charges(costs: Mapping[date, float], newest: KeptForecast) -> float:
    """Return the charges of days that were complete when a forecast was kept, and that it did not know."""
    return sum(cost for day, cost in costs.items() if day < newest.settled_until) - newest.spent


def _budget(plan: Plan, owners: Owners) -> float | None:
    of, name = plan
    owner: Team | UseCase | None = None
    if of == "team":
        owner = owners.teams.get(name)
    elif of == "use case":
        owner = owners.use_cases.get(name)
    return None if owner is None or owner.monthly_budget is None else float(owner.monthly_budget)


def _rounded(value: object) -> object:
    """Return an amount without the noise of sums."""
    return round(value, 6) + 0.0 if isinstance(value, float) else value


def _ended_month(as_of: date) -> date:
    return (as_of.replace(day=1) - timedelta(days=1)).replace(day=1)


def _next(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)
