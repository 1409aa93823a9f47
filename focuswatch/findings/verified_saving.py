"""The saving of a resolved finding as the bill shows it, and its text for messages and issues. Pure."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer

Money = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]


class VerifiedSaving(BaseModel):
    """EffectiveCost per day in the finding's currency, read from settled days after the finding was resolved.

    `since` is the day on which it was resolved; `daily_cost` is the mean of the days from `measured_from` to
    `measured_until`. `daily_saving` is at most `expected_daily_saving`, and 0 if the cost is as high as before.
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
