"""The saving of a resolved finding, verified on the bill by focuswatch/detect/measured_savings.py. Pure."""

from datetime import date

from pydantic import BaseModel, ConfigDict

from focuswatch.findings.decimal_money_type_and_rounding import Money, to_cents


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
        return to_cents(self.daily_saving) >= to_cents(self.expected_daily_saving)
