"""Find the last day of a bill, despite charges with wrong dates.

The module does not read the system clock, because a simulated or copied bill can be of any year.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from focuswatch.bill.refresh.local_refresh_index_in_state_folder import Unit

# A billing period in the future that follows a longer gap (half a year) has a wrong date.
FARTHEST_APART = timedelta(days=184)


@dataclass(frozen=True)
class End:
    """The last day of a bill, and the date of its newest charge if that is later (`beyond`)."""

    last_day: date
    beyond: date | None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings for the readers of the bill."""
        if self.beyond is None:
            return ()
        return (
            f"some charges are dated {self.beyond}, which is after the end of their billing period or after "
            f"their delivery. focuswatch assumes that the bill ends on {self.last_day}. Correct the export, "
            "or specify --as-of",
        )


def end_of(units: Collection[Unit]) -> End:
    """Return the newest charge date that fits its billing period, without billing periods that are impossible."""
    facts = [fact for unit in units for fact in unit.facts]
    newest = max(fact.last_charge_date for fact in facts)
    first_impossible = _first_impossible(units)
    own = [
        fact.last_own_date
        for fact in facts
        if fact.last_own_date and (first_impossible is None or fact.billing_period < first_impossible)
    ]
    last_day = max(own, default=newest)
    return End(last_day, beyond=newest if newest > last_day else None)


def _first_impossible(units: Collection[Unit]) -> date | None:
    """Return the first billing period that starts after its own delivery and long after the previous period."""
    delivered: dict[date, date] = {}
    for unit in units:
        for fact in unit.facts:
            previous = delivered.get(fact.billing_period, date.min)
            delivered[fact.billing_period] = max(previous, unit.delivered_at.date())
    for before, period in pairwise(sorted(delivered)):
        if period - before > FARTHEST_APART and period > delivered[period]:
            return period
    return None
