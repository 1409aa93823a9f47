"""Render the month close as a Slack message for FinOps. Its heading is also the text of the push notification."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from focuswatch.findings.amount_text_without_currency import amount
from focuswatch.notify.slack.block_kit_elements import bullets, context, header, rich, words
from focuswatch.notify.slack.escape_and_shorten_slack_text import escaped_within
from focuswatch.reports.month_close_model_with_report_rows_and_notes import (
    FORECAST_DAYS,
    UNALLOCATED,
    ClosedPlan,
    MonthClose,
)

LINE_CHARACTERS = 300
CAUSES = 3
TEAMS = 4
USE_CASES = 2
INVOICES = 3
LEAST_DIFFERENCE = 1  # billing currency; a smaller difference counts as none


def render_month_close_message(close: MonthClose) -> dict[str, Any]:
    """Return the message. Names of accounts, services and teams appear as plain text, not as Slack markup."""
    bill, *plans = close.plans
    first_day = f" made on day {FORECAST_DAYS[0]}"
    actual = f"{_money(bill.actual, close)} billed"
    heading = f"Month close {close.month:%B %Y}: {actual}, {_compared(bill, close)}{first_day}"
    lines = [
        *_invoice_line(close),
        *_forecast_line(bill, close),
        *_difference_line(bill, close),
        *_cause_lines(bill, close),
        *_plan_lines([plan for plan in plans if plan.of == "team"], close, most=TEAMS),
        *_plan_lines([plan for plan in plans if plan.of == "use case"], close, most=USE_CASES),
        *_next_line(bill, close),
    ]
    return {
        "text": escaped_within(heading, 500),
        "blocks": [
            header(heading),
            rich(bullets([words(line, most=LINE_CHARACTERS)] for line in lines)),
            context(*_small_print(close)),
        ],
    }


def _compared(plan: ClosedPlan, close: MonthClose) -> str:
    """Return the difference from the forecast of the first day: `1,008 USD (19%) above the forecast`."""
    first, difference = plan.forecasts.get(FORECAST_DAYS[0]), plan.difference
    if first is None or difference is None:
        return "without a forecast"
    if abs(difference) < LEAST_DIFFERENCE:
        return "equal to the forecast"
    share = f" ({abs(difference) / first.forecast:.0%})" if first.forecast > 0 else ""
    return f"{_money(abs(difference), close)}{share} {'above' if difference > 0 else 'below'} the forecast"


def _forecast_line(bill: ClosedPlan, close: MonthClose) -> Iterator[str]:
    named = [
        f"{_money(forecast.forecast, close)} on day {day} ({amount(forecast.low)} to {amount(forecast.high)})"
        for day, forecast in sorted(bill.forecasts.items())
    ]
    if named:
        yield f"Forecasts: {', '.join(named)}"


def _difference_line(bill: ClosedPlan, close: MonthClose) -> Iterator[str]:
    if bill.difference is None or abs(bill.difference) < LEAST_DIFFERENCE:
        return
    parts = [
        ("launches", bill.explained("launch")),
        ("incidents", bill.explained("incident")),
        ("price changes", bill.explained("price")),
        ("late charges", bill.late_charges or 0.0),
        ("other usage and fees", bill.other or 0.0),
    ]
    named = [f"{name} {_signed(cost, close)}" for name, cost in parts if abs(cost) >= LEAST_DIFFERENCE]
    yield f"Difference from the day {FORECAST_DAYS[0]} forecast: {', '.join(named)}"


def _cause_lines(bill: ClosedPlan, close: MonthClose) -> Iterator[str]:
    listed = [cause for cause in bill.causes if abs(cause.amount) >= LEAST_DIFFERENCE]
    for cause in listed[:CAUSES]:
        owner = f", team {cause.team}" if cause.team else ", unallocated"
        yield f"{cause.name}: {_signed(cause.amount, close)}{owner}"
    if len(listed) > CAUSES:
        rest = sum(cause.amount for cause in listed[CAUSES:])
        more = len(listed) - CAUSES
        yield f"{more} more cause{'' if more == 1 else 's'}: {_signed(rest, close)}"


def _plan_lines(plans: Sequence[ClosedPlan], close: MonthClose, *, most: int) -> Iterator[str]:
    """Yield a line for each of the `most` plans that differ most from their forecast."""
    differing = sorted(plans, key=lambda plan: (-abs(plan.difference or 0.0), plan.name))
    for plan in differing[:most]:
        yield f"{_name(plan)}: {_money(plan.actual, close)}, {_compared(plan, close)}{_budget(plan, close)}"


def _name(plan: ClosedPlan) -> str:
    return "Unallocated" if plan.name == UNALLOCATED else f"{plan.of.capitalize()} {plan.name}"


def _budget(plan: ClosedPlan, close: MonthClose) -> str:
    if plan.budget is None:
        return ""
    over = plan.actual - plan.budget
    return f"; {_money(abs(over), close)} {'over' if over > 0 else 'under'} the budget of {_money(plan.budget, close)}"


def _next_line(bill: ClosedPlan, close: MonthClose) -> Iterator[str]:
    following = bill.next_month
    if following:
        interval = f"{amount(following.low)} to {amount(following.high)}"
        charges = f"based on the charges through {close.month:%B}"
        yield f"Forecast for {following.month:%B}, {charges}: {_money(following.forecast, close)} ({interval})"


def _invoice_line(close: MonthClose) -> Iterator[str]:
    """Yield the invoice amounts to the cent, so that they can be compared with the provider's invoices."""
    issued = [invoice for invoice in close.invoices if invoice.invoice_id]
    named = [
        f"{invoice.invoice_id} for {invoice.billed_cost:,.2f} {invoice.currency}"
        for invoice in issued[:INVOICES]
    ]
    more = f"; {len(issued) - INVOICES} more" if len(issued) > INVOICES else ""
    if named:
        yield f"Invoice{'' if len(issued) == 1 else 's'} (including credits and tax): {'; '.join(named)}{more}"


def _small_print(close: MonthClose) -> Iterable[str]:
    yield (
        "Amounts are BilledCost of usage and fees, excluding credits and tax. Ranges in parentheses are 80% prediction "
        "intervals."
    )
    if close.recomputed:
        days = _listed([f"day {day}" for day in close.recomputed])
        yield close.recomputed_note(days)
    month = f"{close.month:%Y-%m}"
    yield f"For all teams and use cases, run: focuswatch report month_close --month {month}"
    yield f"For invoices by team, run: focuswatch chargeback --month {month}"


def _listed(texts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))


def _money(value: float, close: MonthClose) -> str:
    return f"{amount(value)} {close.currency}"


def _signed(value: float, close: MonthClose) -> str:
    return f"{'+' if value > 0 else '-'}{_money(abs(value), close)}"
