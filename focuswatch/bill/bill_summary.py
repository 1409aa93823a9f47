"""The summary of an open bill: the extent of its charges, its parts, and the day that is analyzed by default."""

from dataclasses import dataclass
from datetime import date, timedelta

from focuswatch.errors import ConfigError
from focuswatch.findings.exchange_rates import Rate, rate_of
from focuswatch.owners.owners_file_and_assignment import Owners

MAX_DAYS_AFTER_BILL = 366  # a bill that ended longer ago is analyzed as of its own end


@dataclass(frozen=True)
class ReplacedPeriod:
    """A billing period (`2026-05`) that was delivered again, and the charges that it had before."""

    period: str
    charges: int
    charges_before: int


@dataclass(frozen=True)
class BillPart:
    """One of several bills that are read together: its name, its accounts, and the days that have charges.

    `replaced` are billing periods that the table `deliveries` does not have.
    """

    name: str
    accounts: frozenset[str | None]
    days: frozenset[date]
    replaced: tuple[ReplacedPeriod, ...] = ()


@dataclass(frozen=True)
class BillSummary:
    """The extent of a bill's charges, and what its refresh reported."""

    currency: str
    first_charge_date: date
    last_charge_date: date  # of the bill; see focuswatch.bill.ingest.last_day_despite_wrong_dates
    charges: int
    data_digest: str  # changes whenever the delivered charges do
    warnings: tuple[str, ...] = ()
    other_providers: str | None = None  # a sentence about charges of other providers; among the warnings too
    per_usd: float | None = None  # units of the currency for one US dollar, if the bill also prices in USD
    name: str | None = None  # of the export, as people name it; None for a deployment's
    parts: tuple[BillPart, ...] = ()  # the bills, if several are read together
    conversions: tuple[
        str, ...
    ] = ()  # a sentence for each bill or currency whose money is converted; among the warnings too

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


def resolve_as_of(requested: date | None, *, summary: BillSummary) -> date:
    """Return the first day that is not analyzed. Raises ConfigError if the requested day is out of range."""
    default = summary.day_after_last_charge
    if requested is None:
        return default
    if requested <= summary.first_charge_date:
        raise ConfigError(
            f"--as-of {requested} is not after the first charge; this bill has charges from "
            f"{summary.first_charge_date} to {summary.last_charge_date}. Specify a later date."
        )
    if requested > default + timedelta(
        days=MAX_DAYS_AFTER_BILL
    ):  # later scans would seem outdated to the ledger
        raise ConfigError(
            f"--as-of {requested} is more than {MAX_DAYS_AFTER_BILL} days after the last charge "
            f"({summary.last_charge_date}). Specify an earlier date, or omit --as-of."
        )
    return requested
