"""A line: the daily charges of one resource by one meter, before noise.

The writer turns lines into charges and adds noise and incomplete newest days; the truth is worked out from the
same lines without either.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from focuswatch.simulate.bill_calendar import Calendar
from focuswatch.simulate.billing_meters import Meter
from focuswatch.simulate.meter_prices import PRIVATE_RATES
from focuswatch.simulate.organization import SimulatedAccount

Week = tuple[float, float, float, float, float, float, float]  # weights, Monday first; 0 is no charge
Hours = Literal["flat", "office", "night"]
Days = NDArray[np.float64]

FLAT: Week = (1, 1, 1, 1, 1, 1, 1)
WORKDAYS: Week = (1.15, 1.2, 1.2, 1.2, 1.1, 0.6, 0.55)
OFFICE: Week = (1.3, 1.35, 1.35, 1.35, 1.25, 0.2, 0.2)
LEISURE: Week = (0.85, 0.8, 0.8, 0.85, 1.0, 1.4, 1.3)
SATURDAYS: Week = (0, 0, 0, 0, 0, 1, 0)
HOUR_WEIGHTS: dict[
    Hours, tuple[float, ...]
] = {  # an hour's part of the day, alike in pairs, summing up to 24
    "flat": (1.0,) * 24,
    "office": tuple(2.4 if 8 <= hour < 18 else 0.0 for hour in range(24)),
    "night": tuple(6.0 if 2 <= hour < 6 else 0.0 for hour in range(24)),
}


@dataclass(frozen=True)
class Commitment:
    """A commitment discount, as its rows name it."""

    id: str
    name: str
    kind: Literal["Reserved", "Savings Plan"]
    status: Literal["Used", "Unused"] | None  # None on the row that buys it
    rate: float = 1.0  # EffectiveCost against ContractedCost


@dataclass(frozen=True)
class Line:
    """`daily` is the quantity of an average day, in the meter's unit, of each of `copies` resources."""

    account: SimulatedAccount | None  # None: charged to the payer as a whole
    region: str | None
    meter: Meter
    daily: float
    first: date
    last: date  # exclusive
    resource: str | None = None  # "{}" is the place of a copy's own name
    week: Week = FLAT
    growth: float = 0.0  # a day, compounding, around the middle of the bill
    noise: float = 0.0  # standard deviation of each day of each resource
    sway: float = 0.0  # standard deviation of each day of all the account's lines of this service
    hours: Hours = "flat"
    every: int = 1  # charged on every so manieth day from `first` on
    monthly: bool = False  # charged on the first of the month, for the month
    copies: int = 1
    tags: Mapping[str, str] = field(default_factory=dict)
    category: Literal["Usage", "Purchase", "Tax", "Credit", "Adjustment"] = "Usage"
    correction: bool = False
    frequency: Literal["Usage-Based", "Recurring", "One-Time"] = "Usage-Based"
    commitment: Commitment | None = None
    reservation: str | None = None
    price: float | None = None  # USD a unit instead of the meter's
    billed_a_month_later: bool = False

    @property
    def list_price(self) -> float:
        return self.meter.unit_price(self.region) if self.price is None else self.price

    @property
    def contracted_price(self) -> float:
        negotiated = self.category == "Usage" and self.price is None
        return self.list_price * (PRIVATE_RATES.get(self.meter.service, 1.0) if negotiated else 1.0)

    @property
    def unused(self) -> bool:
        return self.commitment is not None and self.commitment.status == "Unused"

    @property
    def effective_share(self) -> float:
        """Return EffectiveCost / ContractedCost; a commitment's purchase is spread over the usage it covers."""
        if self.category == "Purchase":
            return 0.0 if self.commitment else 1.0
        return self.commitment.rate if self.commitment else 1.0

    @property
    def daily_cost(self) -> float:
        """Return the EffectiveCost of an average day, of all copies."""
        return self.daily * self.copies * self.contracted_price * self.effective_share

    @property
    def billed_share(self) -> float:
        """Return BilledCost / ContractedCost; usage covered by a commitment is not billed again."""
        return 0.0 if self.commitment and self.commitment.status else 1.0

    def quantities(self, calendar: Calendar) -> Days:
        """Return the noise-free quantity of each day, all copies together; 0 on days without a charge."""
        days = np.arange(calendar.days)
        weekdays = (days + calendar.first.weekday()) % 7
        charged = (days >= calendar.index(self.first)) & (days < calendar.index(self.last))
        if self.every > 1:
            charged &= (days - (self.first - calendar.first).days) % self.every == 0
        if self.monthly:
            charged &= np.array([calendar.day(int(day)).day == 1 for day in days], dtype=bool)
        level = self.daily * self.copies * (1 + self.growth) ** (days - calendar.days / 2)
        return np.where(charged, level * np.array(self.week)[weekdays], 0.0)

    def charges(self, calendar: Calendar, *, hourly: bool) -> int:
        """Return the number of rows that the writer makes of it."""
        days = int(np.count_nonzero(self.quantities(calendar)))
        hours = sum(weight > 0 for weight in HOUR_WEIGHTS[self.hours]) if hourly and not self.monthly else 1
        return days * self.copies * hours
