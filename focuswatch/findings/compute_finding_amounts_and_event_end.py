"""Compute the amounts of a finding, and whether an event has ended.

The amounts are an amount per month, or the cost so far and the monthly cost if usage continues. Amounts of these two
kinds are never added. Severity, sort order and material change compare one number, `weight`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from focuswatch.catalog.sql_header_models import Category
from focuswatch.findings.decimal_money_type_and_rounding import money

DAYS_A_MONTH = 30
# Categories of events, which happen on certain days; waste and governance last until they are fixed.
EVENTS: tuple[Category, ...] = ("anomaly", "security")
ENDED_AFTER_DAYS = 2  # an event has ended if the account is charged this many days after its last day
OVER_AFTER_DAYS = 7  # after more days, an event has ended even if the account has no later charges
WEIGHED_DAYS = 7  # days of further cost in the weight of an event that continues
# Columns with the first and the last day of an event; the second ones are those of a series.
FIRST_DAY = ("first_day", "anomalous_from")
LAST_DAY = ("last_day", "anomalous_until")


@dataclass(frozen=True)
class Stake:
    """The amounts and days of a finding.

    `cost` is the amount per month; for events, it is the cost so far. The other fields are set only for events.
    `monthly_if_continues` is 0 if the bill shows that the event ended, on `ended_on`; None if it is unknown.
    """

    cost: Decimal
    cost_so_far: Decimal | None = None
    monthly_if_continues: Decimal | None = None
    started_on: date | None = None
    ended_on: date | None = None


def stake_of(
    category: Category, row: Mapping[str, Any], *, cost: Decimal, as_of: date, billed_until: date
) -> Stake:
    """Return the amounts of the finding in a row of a detection.

    For an event, `row` may have `first_day` and `last_day` (in a series: `anomalous_from` and `anomalous_until`), or
    `monthly_cost_if_continues`. `billed_until` is the last day on which the account has any charge.
    """
    if category not in EVENTS:
        return Stake(cost)
    first, last = day_in(row, FIRST_DAY), day_in(row, LAST_DAY)
    monthly, ended = row.get("monthly_cost_if_continues"), None
    if monthly is None and last is not None:
        ended = _has_ended(last, as_of=as_of, billed_until=billed_until)
        monthly = Decimal(0) if ended else cost * DAYS_A_MONTH / max((last - (first or last)).days + 1, 1)
    if monthly is not None:
        monthly = money(monthly)
        ended = not monthly if ended is None else ended
    return Stake(
        cost,
        cost_so_far=cost,
        monthly_if_continues=monthly,
        started_on=first,
        ended_on=last if ended else None,
    )


def weight(category: Category, *, cost: Decimal, monthly_if_continues: Decimal | None) -> Decimal:
    """Return the amount by which findings are compared: per month, or the cost so far plus that of a further week."""
    if category not in EVENTS or monthly_if_continues is None:
        return cost
    return cost + monthly_if_continues * WEIGHED_DAYS / DAYS_A_MONTH


def _has_ended(last_day: date, *, as_of: date, billed_until: date) -> bool:
    days_after = (billed_until - last_day).days
    return days_after >= ENDED_AFTER_DAYS or (as_of - last_day).days > OVER_AFTER_DAYS


def day_in(values: Mapping[str, Any], names: Sequence[str]) -> date | None:
    """Return the day in the first of the columns that has a value; None if no column has one, or it is not a day."""
    value = next((values[name] for name in names if values.get(name) is not None), None)
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
