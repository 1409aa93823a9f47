"""Reject files whose charge dates are missing or impossible, or whose costs are not finite or are too large."""

import math
from datetime import date

from focuswatch.errors import ExportError

MOST_COST = 1e15  # per day, account, region and service; more is an error in any currency
# A date outside this range is an error; it could also become `as_of`.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)


def check_days(place: str, *, has_days: bool, odd_day: str | None) -> None:
    """Raise ExportError if a charge has no date, or if there is an `odd_day` before FIRST_DAY or after LAST_DAY."""
    if not has_days:
        raise ExportError(f"{place}: some charges have no ChargePeriodStart. Export the file again")
    if odd_day is not None:
        raise ExportError(
            f"{place}: some charges are dated {odd_day}; expected years {FIRST_DAY.year} to {LAST_DAY.year}. "
            "Correct the file"
        )


def check_costs(
    billed_cost: float,
    effective_cost: float,
    billed_on: date | None,
    most_billed: float | None,
    spent_on: date | None,
    most_spent: float | None,
    *,
    place: str,
) -> None:
    """Raise ExportError if a sum is not finite, or if the largest sum of a day exceeds MOST_COST."""
    if not math.isfinite(billed_cost) or not math.isfinite(effective_cost):
        raise ExportError(
            f"{place}: BilledCost or EffectiveCost contains NaN or infinity; expected finite numbers. "
            "Correct the file or export it again"
        )
    for column, day, most in (
        ("BilledCost", billed_on, most_billed),
        ("EffectiveCost", spent_on, most_spent),
    ):
        if most and most > MOST_COST:
            raise ExportError(
                f"{place}: the sum of {column} on {day} is {most:g}; expected less than {MOST_COST:g}. Correct the file"
            )
