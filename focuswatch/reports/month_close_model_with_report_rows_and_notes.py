"""The result of a month close with its report rows and notes: forecasts, actual cost and causes of each plan."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from focuswatch.bill.kept_forecast_record_and_merge import KeptForecast
from focuswatch.bill.query_invoices_and_their_charges import MonthInvoice
from focuswatch.engines import Row
from focuswatch.reports.explain_forecast_difference_by_launch_incident_or_price import CauseKind, MonthCause

FORECAST_DAYS = (1, 10, 20)
# Share of the absolute charges that must have an invoice. AWS invoices some AWS Marketplace charges later.
INVOICED_SHARE = 0.99
UNALLOCATED = "(unallocated)"
COLUMNS = (
    "month",
    "of",
    "name",
    "actual",
    *(f"forecast_day_{day}" for day in FORECAST_DAYS),
    "difference",
    "launches",
    "incidents",
    "price",
    "late_charges",
    "other",
    "budget",
    "next_month",
    "recomputed",
    "causes",
)
IN_NOTES = ("month", "recomputed", "causes")  # columns that the notes state once for all rows
NAMED_CAUSES = 5


@dataclass(frozen=True)
class ClosedPlan:
    """The closed month of a plan: the whole bill, a team or a use case.

    Amounts are BilledCost. `forecasts` is keyed by day of the month and lacks
    days without a forecast. `late_charges` is None if no forecast was stored.
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
        """Return the actual cost minus the forecast of the first day; None without that forecast."""
        first = self.forecasts.get(FORECAST_DAYS[0])
        return None if first is None else self.actual - first.forecast

    def explained(self, kind: CauseKind) -> float:
        """Return the sum of the causes of one kind."""
        return sum((cause.amount for cause in self.causes if cause.kind == kind), 0.0)

    @property
    def other(self) -> float | None:
        """Return the part of the difference without a known cause."""
        if self.difference is None:
            return None
        return self.difference - sum(cause.amount for cause in self.causes) - (self.late_charges or 0.0)


@dataclass(frozen=True)
class MonthClose:
    """A closed month with its invoices and plans: the whole bill, then teams, then use cases, highest cost first."""

    month: date
    currency: str
    invoices: tuple[MonthInvoice, ...]
    plans: tuple[ClosedPlan, ...]
    recomputed: tuple[int, ...]  # days of the month whose forecasts were not stored

    @property
    def is_invoiced(self) -> bool:
        """Return whether the invoice of the month is issued."""
        return is_invoiced(self.invoices)

    @property
    def notes(self) -> list[str]:
        """Return notes on what the rows do not show: the invoices, recomputed forecasts and the largest causes."""
        if not self.plans:
            return ["This bill does not contain a complete month."]
        return [*self._invoice_note(), *self._forecast_note(), *self._cause_note()]

    def recomputed_note(self, days: str) -> str:
        """Return the sentence about forecasts that were computed later; `days` is the text that names their days."""
        if len(self.recomputed) == 1:
            return (
                f"No forecast was stored on {days}, so focuswatch computed the forecast for this day later."
            )
        return (
            f"No forecasts were stored on {days}, so focuswatch computed the forecasts for these days later."
        )

    def _invoice_note(self) -> Iterator[str]:
        if not self.is_invoiced:
            yield f"{self.month:%B %Y} is not invoiced yet: its charges can still change."
            return
        named = ", ".join(
            f"{invoice.invoice_id} ({invoice.billed_cost:,.2f} {invoice.currency} including credits and tax)"
            for invoice in self.invoices
            if invoice.invoice_id
        )
        yield f"{self.month:%B %Y} is invoiced: {named}."

    def _forecast_note(self) -> Iterator[str]:
        if self.recomputed:
            days = ", ".join(f"day {day}" for day in self.recomputed)
            yield self.recomputed_note(days)

    def _cause_note(self) -> Iterator[str]:
        causes = self.plans[0].causes
        if causes:
            named = "; ".join(
                f"{cause.name}, {cause.amount:+,.2f} {self.currency}" for cause in causes[:NAMED_CAUSES]
            )
            more = f"; {len(causes) - NAMED_CAUSES} more" if len(causes) > NAMED_CAUSES else ""
            yield f"Largest causes: {named}{more}."

    @property
    def rows(self) -> list[Row]:
        """Return the rows of the report."""
        return [self._row(plan) for plan in self.plans]

    def _row(self, plan: ClosedPlan) -> Row:
        forecasts = [plan.forecasts.get(day) for day in FORECAST_DAYS]
        values = (
            f"{self.month:%Y-%m}",
            plan.of,
            plan.name,
            plan.actual,
            *(None if forecast is None else forecast.forecast for forecast in forecasts),
            plan.difference,
            plan.explained("launch"),
            plan.explained("incident"),
            plan.explained("price"),
            plan.late_charges,
            plan.other,
            plan.budget,
            plan.next_month and plan.next_month.forecast,
            ", ".join(f"day {day}" for day in self.recomputed) or None,
            [f"{cause.name}: {cause.amount:+,.2f}" for cause in plan.causes],
        )
        return {name: _rounded(value) for name, value in zip(COLUMNS, values, strict=True)}


def is_invoiced(invoices: Iterable[MonthInvoice]) -> bool:
    listed = list(invoices)
    everything = sum(invoice.absolute_cost for invoice in listed)
    issued = sum(invoice.absolute_cost for invoice in listed if invoice.invoice_id)
    return issued > 0 and issued >= INVOICED_SHARE * everything


def _rounded(value: object) -> object:
    """Return an amount without floating-point noise and without a negative zero; return other values unchanged."""
    return round(value, 6) + 0.0 if isinstance(value, float) else value
