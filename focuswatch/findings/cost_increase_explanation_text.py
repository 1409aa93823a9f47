"""Format the explanation of a cost increase as text, the same for the terminal, Slack and the page.

Each output escapes the text itself. A cost driver is one meter's part of the increase; `new charge` means that the
cost driver had no charges in the weeks before. The increase is split into usage (more was used) and price (the same
usage costs more).
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from focuswatch.findings.amount_text_without_currency import amount
from focuswatch.findings.cost_increase_explanation_models import (
    Change,
    CostDriver,
    Explanation,
    StartedOrStopped,
)
from focuswatch.findings.count_text import count_text
from focuswatch.findings.decimal_money_type_and_rounding import to_cents
from focuswatch.findings.deployment_and_alarm_event_text import event_text
from focuswatch.findings.first_and_more_text import first_and_more
from focuswatch.findings.split_token_cost_increase import TokenDrivers

SHOWN_CIRCUMSTANCES = 3
SHOWN_CHANGES = 5
PERCENT = 100
# A part that is a smaller share of the excess is not shown: it comes from rounding, price tiers and mix.
LEAST_SHARE = 0.05


def explanation_sentences(explanation: Explanation, *, currency: str) -> list[str]:
    """Return the excess, its usage and price parts, the cost drivers, and what started, stopped or changed that day."""
    return [
        explanation_headline(explanation, currency=currency),
        *explanation_details(explanation, currency=currency),
    ]


def explanation_headline(explanation: Explanation, *, currency: str) -> str:
    """Return the excess with its days, and how much of it comes from usage and from price."""
    days = period_text(explanation.first_day, explanation.last_day)
    split = _usage_and_price(explanation, currency=currency)
    return f"{amount(explanation.excess)} {currency} above the expected cost {days}: {split}."


def period_text(first: date, last: date) -> str:
    """Return `on DAY`, or `from DAY to DAY`, both included."""
    return f"on {first}" if first == last else f"from {first} to {last}"


def explanation_details(explanation: Explanation, *, currency: str) -> Iterator[str]:
    """Yield the sentences after the headline."""
    for part in explanation.parts:
        yield cost_driver_text(part, explanation, currency=currency)
    if explanation.others:
        yield f"other cost drivers: {_signed(explanation.others)} {currency}"
    yield from circumstances(explanation, currency=currency)


def circumstances(explanation: Explanation, *, currency: str) -> Iterator[str]:
    """Yield the drivers of token cost, and what started, stopped or was changed by whom on the first day."""
    if explanation.token_drivers:
        yield token_drivers_text(explanation.token_drivers, currency=currency)
    day = explanation.first_day
    yield from _started_or_stopped(f"Started on {day}", explanation.began, currency=currency)
    yield from _started_or_stopped(f"Stopped on {day}", explanation.ended, currency=currency)
    yield from (_change_text(change) for change in explanation.changes[:SHOWN_CHANGES])
    if (more := len(explanation.changes) - SHOWN_CHANGES) > 0:
        yield f"{count_text(more, 'more change')} not shown"
    yield from (
        event_text(event, first_day=explanation.first_day, first_hour=explanation.first_hour)
        for event in explanation.events
    )
    if more := explanation.more_events:
        yield f"{count_text(more, 'more operational event')} not shown"
    if explanation.unseen:
        yield f"CloudTrail: {explanation.unseen}"


def _usage_and_price(explanation: Explanation, *, currency: str) -> str:
    volume, price = explanation.by_volume, explanation.by_price
    if abs(price) < LEAST_SHARE * float(abs(explanation.excess)):
        return "all of the increase comes from higher usage"
    if abs(volume) < LEAST_SHARE * float(abs(explanation.excess)):
        return "all of the increase comes from price changes"
    return f"{amount(volume)} {currency} from usage changes, {amount(price)} {currency} from price changes"


def cost_driver_text(part: CostDriver, explanation: Explanation, *, currency: str) -> str:
    """Return `BoxUsage:p4d.24xlarge in us-east-1 (RunInstances): +786 USD, 98% of the increase (new charge)`."""
    meter = (part.meter or "no meter") + (f" in {part.region_id}" if part.region_id else "")
    names = ", ".join(filter(None, (part.service_name, part.operation, _resources(part))))
    share = (
        f", {part.excess * PERCENT / explanation.excess:.0f}% of the increase" if explanation.excess else ""
    )
    marks = "".join(
        (" (new charge)" if part.is_new else "", " (purchase, billed cost)" if part.is_billed else "")
    )
    return f"{meter}{f' ({names})' if names else ''}: {_signed(part.excess)} {currency}{share}{marks}"


def token_drivers_text(drivers: TokenDrivers, *, currency: str) -> str:
    """Return `Change in token cost per day: +75.00 USD, of which +50.00 from …`, largest part first."""
    before, now = drivers.calls_before, drivers.calls
    size_before, size = drivers.tokens_per_call_before, drivers.tokens_per_call
    output_before, output = drivers.output_percent_before, drivers.output_percent
    refused_before, refused = drivers.refused_percent_before, drivers.refused_percent
    causes = (
        (drivers.by_calls, f"attempted calls (successful calls: {before:,.0f} to {now:,.0f})"),
        (drivers.by_retries, f"throttled or rejected calls ({refused_before:.0f}% to {refused:.0f}%)"),
        (drivers.by_tokens_per_call, f"tokens per call ({size_before:,.0f} to {size:,.0f})"),
        (drivers.by_output_share, f"the share of output tokens ({output_before:.0f}% to {output:.0f}%)"),
        (drivers.by_price, "prices and models"),
    )
    shown = sorted((cause for cause in causes if to_cents(cause[0])), key=lambda cause: -abs(cause[0]))
    parts = ", ".join(f"{_signed(cost)} from {cause}" for cost, cause in shown)
    return f"Change in token cost per day: {_signed(drivers.daily_excess)} {currency}" + (
        f", of which {parts}" if parts else ""
    )


def _signed(value: Decimal) -> str:
    return f"+{amount(value)}" if value > 0 else amount(value)


def _resources(part: CostDriver) -> str | None:
    if part.resource_id:
        return part.resource_id
    return f"{part.resources} resources" if part.resources > 1 else None


def _started_or_stopped(
    heading: str, circumstances: Sequence[StartedOrStopped], *, currency: str
) -> Iterator[str]:
    if circumstances:
        texts = [f"{one.kind} {one.name} ({amount(one.daily_cost)} {currency}/day)" for one in circumstances]
        yield f"{heading}: {first_and_more(texts, most=SHOWN_CIRCUMSTANCES)}"


def _change_text(change: Change) -> str:
    about = f" ({', '.join(change.resources)})" if change.resources else ""
    return f"{change.at:%Y-%m-%d %H:%M} {change.event} in {change.region_id} by {change.principal}{about}"
