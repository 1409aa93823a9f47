"""Define `Line`: the daily charges of one resource on one meter, before noise.

The export writer turns lines into charges, adds noise, and makes the newest days incomplete. The expected findings are
computed from the same lines, with neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from focuswatch.simulate.bill_calendar import Calendar
from focuswatch.simulate.billing_meter_record_and_region_price_factors import Meter
from focuswatch.simulate.meter_catalog import PRIVATE_RATES
from focuswatch.simulate.organization import SimulatedAccount

# Weight of each weekday, Monday first; 0 means no charge.
Week = tuple[float, float, float, float, float, float, float]
Hours = Literal["flat", "office", "night"]
Days = NDArray[np.float64]

FLAT: Week = (1, 1, 1, 1, 1, 1, 1)
WORKDAYS: Week = (1.15, 1.2, 1.2, 1.2, 1.1, 0.6, 0.55)
OFFICE: Week = (1.3, 1.35, 1.35, 1.35, 1.25, 0.2, 0.2)
LEISURE: Week = (0.85, 0.8, 0.8, 0.85, 1.0, 1.4, 1.3)
SATURDAYS: Week = (0, 0, 0, 0, 0, 1, 0)
# Weights of the hours of a day; their sum is 24. Hours 0 and 1, 2 and 3, and so on have equal weights, because the
# export writer moves quantity between the two hours of each pair.
HOUR_WEIGHTS: dict[Hours, tuple[float, ...]] = {
    "flat": (1.0,) * 24,
    "office": tuple(2.4 if 8 <= hour < 18 else 0.0 for hour in range(24)),
    "night": tuple(6.0 if 2 <= hour < 6 else 0.0 for hour in range(24)),
}


@dataclass(frozen=True)
class Commitment:
    """A commitment discount with the fields of its FOCUS rows."""

    id: str
    name: str
    kind: Literal["Reserved", "Savings Plan"]
    status: Literal["Used", "Unused"] | None  # None on the purchase row
    rate: float = 1.0  # EffectiveCost / ContractedCost


@dataclass(frozen=True)
class Line:
    """The daily charges of a resource, or of several equal resources (`copies`), on one meter.

    `daily` is the quantity of each resource on an average day, in the meter's unit.
    """

    account: SimulatedAccount | None  # None: charged to the payer as a whole, without a sub-account
    region: str | None
    meter: Meter
    daily: float
    first: date
    last: date  # exclusive
    resource: str | None = None  # "{}" is replaced with the name of each copy
    week: Week = FLAT
    growth: float = 0.0  # per day, compound, relative to the middle of the bill
    noise: float = 0.0  # relative standard deviation per day and resource
    # Relative standard deviation per day, common to all lines of the account and service.
    sway: float = 0.0
    hours: Hours = "flat"
    every: int = 1  # days from one charge to the next, from `first` on
    monthly: bool = False  # charged on the first of the month, for the whole month
    copies: int = 1
    tags: Mapping[str, str] = field(default_factory=dict)
    category: Literal["Usage", "Purchase", "Tax", "Credit", "Adjustment"] = "Usage"
    correction: bool = False
    frequency: Literal["Usage-Based", "Recurring", "One-Time"] = "Usage-Based"
    commitment: Commitment | None = None
    reservation: str | None = None
    price: float | None = None  # USD per unit, instead of the meter's price
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
        """Return EffectiveCost / ContractedCost.

        It is 0 for the purchase of a commitment, whose cost is spread over the usage that it covers.
        """
        if self.category == "Purchase":
            return 0.0 if self.commitment else 1.0
        return self.commitment.rate if self.commitment else 1.0

    @property
    def daily_cost(self) -> float:
        """Return the EffectiveCost of all copies on an average day."""
        return self.daily * self.copies * self.contracted_price * self.effective_share

    @property
    def billed_share(self) -> float:
        """Return BilledCost / ContractedCost; usage covered by a commitment is not billed again."""
        return 0.0 if self.commitment and self.commitment.status else 1.0

    def quantities(self, calendar: Calendar) -> Days:
        """Return the quantity of all copies on each day, without noise; 0 on days without a charge."""
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
        """Return the number of rows that the export writer generates for the line."""
        days = int(np.count_nonzero(self.quantities(calendar)))
        hours = sum(weight > 0 for weight in HOUR_WEIGHTS[self.hours]) if hourly and not self.monthly else 1
        return days * self.copies * hours
