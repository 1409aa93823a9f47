"""Daily quantities and costs of the plan's lines, and their totals, first days and expected values."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from focuswatch.simulate.bill_calendar import Calendar
from focuswatch.simulate.planned_bill import BillPlan, Identity
from focuswatch.simulate.planned_charge_line import Days, Line

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Charged:
    """A line with its noise-free quantity and EffectiveCost by day."""

    line: Line
    quantities: Days
    costs: Days


@dataclass(frozen=True)
class Facts:
    plan: BillPlan

    @property
    def calendar(self) -> Calendar:
        return self.plan.calendar

    @cached_property
    def usage(self) -> list[Charged]:
        """Return every charged usage line of an account, without corrections."""
        lines = [line for line in self.plan.lines if line.account and line.category == "Usage"]
        charged = (_charged(line, self.calendar) for line in lines if not line.correction)
        return [charge for charge in charged if charge.quantities.any()]

    def by_account(self, wanted: Callable[[Line], bool]) -> Iterator[tuple[str, list[Charged]]]:
        groups: dict[str, list[Charged]] = {}
        for charged in filter(lambda charge: wanted(charge.line), self.usage):
            groups.setdefault(account_id(charged.line), []).append(charged)
        yield from groups.items()

    @cached_property
    def first_charge(self) -> dict[str, int]:
        """Return the day number of each account's first charge."""
        totals = {account: total(charged) for account, charged in self.by_account(lambda _: True)}
        return {account: first for account, days in totals.items() if (first := first_day(days)) is not None}

    def day(self, index: int) -> date:
        return self.calendar.day(index)

    def ending(self, index: int) -> date | None:
        """Return the date of an exclusive end; None at the end of the bill."""
        return None if index >= self.calendar.days else self.calendar.day(index)


def _charged(line: Line, calendar: Calendar) -> Charged:
    quantities = line.quantities(calendar)
    return Charged(line, quantities, quantities * line.contracted_price * line.effective_share)


def total(charged: list[Charged], *, costs: bool = False) -> Days:
    return np.asarray(np.sum([charge.costs if costs else charge.quantities for charge in charged], axis=0))


def first_day(values: Days | Flags) -> int | None:
    days = np.flatnonzero(values)
    return int(days[0]) if days.size else None


def last_day(values: Days | Flags) -> int:
    return int(np.flatnonzero(values)[-1])


def expectations(values: Days, *, weeks: int = 6) -> Days:
    """Return for each day the median of the same weekday in the weeks before; 0 in the first week."""
    before = np.full((weeks, len(values)), np.nan)
    for week in range(1, min(weeks, (len(values) - 1) // 7) + 1):
        before[week - 1, 7 * week :] = values[: -7 * week]
    before[0, :7] = 0.0
    return np.asarray(np.nanmedian(before, axis=0))


def account_id(line: Line) -> str:
    assert line.account is not None
    return line.account.id


def identity_of(line: Line) -> Identity:
    return (account_id(line), line.region, line.meter.service, line.resource)
