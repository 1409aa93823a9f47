"""The saving of a resolved finding, verified on the bill by focuswatch/detect/measured_savings.py. Pure."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer

Money = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]


class VerifiedSaving(BaseModel):
    """The saving after a finding was resolved: EffectiveCost per day, in the currency of the finding.

    `since` is the day on which the finding was resolved. `daily_cost` is the mean daily cost of the complete days from
    `measured_from` to `measured_until`. `daily_saving` is at most `expected_daily_saving`, and 0 if the cost did not
    decrease.
    """

    model_config = ConfigDict(frozen=True)
    since: date
    measured_from: date
    measured_until: date
    daily_cost: Money
    daily_saving: Money
    expected_daily_saving: Money

    @property
    def is_full(self) -> bool:
        """Whether the bill shows the whole expected saving, to the cent."""
        return round(self.daily_saving, 2) >= round(self.expected_daily_saving, 2)
