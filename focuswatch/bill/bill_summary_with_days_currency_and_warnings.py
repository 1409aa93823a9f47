"""The summary of an open bill: the extent of its charges, its parts, its warnings, and its default `as_of`."""

from dataclasses import dataclass
from datetime import date, timedelta

from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import Rate, rate_of
from focuswatch.owners.owners_file import Owners


@dataclass(frozen=True)
class ReplacedPeriod:
    """A billing period (`2026-05`) that was delivered again, with its number of charges now and before."""

    period: str
    charges: int
    charges_before: int


@dataclass(frozen=True)
class BillPart:
    """One of several bills that are read together: its name, its accounts, and the days that have charges.

    `replaced` are the billing periods delivered again that the table `deliveries` does not record.
    """

    name: str
    accounts: frozenset[str | None]
    days: frozenset[date]
    replaced: tuple[ReplacedPeriod, ...] = ()


@dataclass(frozen=True)
class BillSummary:
    """The extent of a bill's charges, and the warnings of its refresh."""

    currency: str
    first_charge_date: date
    last_charge_date: date  # without misdated charges: focuswatch.bill.refresh.last_day_despite_wrong_dates
    charges: int
    data_digest: str  # changes whenever the delivered charges change
    warnings: tuple[str, ...] = ()
    other_providers: str | None = None  # warning about charges of other providers; also in `warnings`
    per_usd: float | None = None  # units of the currency for one US dollar, if the bill states USD costs
    name: str | None = None  # short name of the export, if the bill is a single local export
    parts: tuple[BillPart, ...] = ()  # one per bill, if several bills are read together
    conversions: tuple[str, ...] = ()  # one note per converted bill or currency; also in `warnings`

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the bills that were read."""
        return tuple(part.name for part in self.parts) or ((self.name,) if self.name else ())

    @property
    def day_after_last_charge(self) -> date:
        """The default `as_of`."""
        return self.last_charge_date + timedelta(days=1)

    def rate(self, owners: Owners) -> Rate:
        """Return the exchange rate that converts thresholds in USD to the bill's currency."""
        return rate_of(self.currency, rates=owners.exchange_rates, of_bill=self.per_usd)
