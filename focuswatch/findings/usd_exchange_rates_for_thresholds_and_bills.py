"""Exchange rates, so that a threshold in USD means the same on a bill in any currency.

Thresholds are converted to the currency of the bill; findings, budgets and reports show the amounts of the bill.
Amounts are converted only if charges or bills in several currencies are read together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite

USD = "USD"
Rates = Mapping[str, Decimal]  # units of the currency per US dollar, by ISO 4217 code

TABLE_DATE = "2026-10-30"
TABLE_SOURCE = f"the European Central Bank reference rates of {TABLE_DATE}"
# The ECB publishes units per euro (1.1172 USD per euro on that day):
# https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/
# AED and SAR are pegged to the dollar: https://www.centralbank.ae, https://www.sama.gov.sa
TABLE: Rates = {
    code: Decimal(rate)
    for code, rate in {
        "AED": "3.6725",
        "AUD": "1.42356",
        "BRL": "5.43251",
        "CAD": "1.39689",
        "CHF": "0.82295",
        "CNY": "6.65288",
        "CZK": "21.7982",
        "DKK": "6.68949",
        "EUR": "0.895095",
        "GBP": "0.74633",
        "HKD": "7.84569",
        "HUF": "327.9",
        "IDR": "18148.2",
        "ILS": "3.12836",
        "INR": "94.9552",
        "ISK": "121.733",
        "JPY": "157.25",
        "KRW": "1335.27",
        "MXN": "18.9077",
        "MYR": "4.05702",
        "NOK": "9.23022",
        "NZD": "1.77435",
        "PHP": "63.6797",
        "PLN": "3.94182",
        "RON": "4.78401",
        "SAR": "3.75",
        "SEK": "9.82635",
        "SGD": "1.27837",
        "THB": "33.7299",
        "TRY": "49.9476",
        "ZAR": "16.6895",
    }.items()
}


@dataclass(frozen=True)
class Rate:
    """Units of `currency` per US dollar. `source` names the source of the rate; it is empty if there is no rate."""

    currency: str
    per_usd: Decimal
    source: str

    @property
    def note(self) -> str | None:
        """A note about the rate, shown with the findings; None on a bill in USD."""
        if self.currency == USD:
            return None
        set_it = f"set the exchange rate for {self.currency} under [exchange_rates] in owners.toml"
        if not self.source:
            return (
                f"There is no exchange rate for {self.currency}. "
                f"Thresholds in USD are compared with amounts in {self.currency} without conversion. "
                f"To convert the thresholds, {set_it}"
            )
        stated = f"Thresholds in USD are converted at {self.per_usd.normalize():f} {self.currency} per USD"
        return f"{stated} ({self.source})" + (
            f". To use another rate, {set_it}" if self.source == TABLE_SOURCE else ""
        )

    def factor_to(self, target: "Rate") -> float:
        """Return the factor that converts amounts of this currency to the currency of `target`."""
        return float(target.per_usd / self.per_usd)

    def conversion_to(self, target: "Rate") -> str:
        """Return `1 EUR is 1.25 USD (owners.toml)`, with the sources of both rates."""
        sources = " and ".join(dict.fromkeys(one.source for one in (self, target) if one.currency != USD))
        return f"1 {self.currency} is {target.per_usd / self.per_usd:.6g} {target.currency} ({sources})"


def rate_of(currency: str, *, rates: Rates | None = None, of_bill: float | None = None) -> Rate:
    """Return the rate of a currency: from owners.toml (`rates`), else from the bill, else from the table.

    `of_bill` is the rate on the bill, in units per US dollar. A currency without any rate is treated as USD.
    """
    if currency == USD:
        return Rate(USD, Decimal(1), "USD itself")
    if rates and currency in rates:
        return Rate(currency, rates[currency], "owners.toml")
    if of_bill is not None and isfinite(of_bill) and of_bill > 0:
        return Rate(currency, Decimal(f"{of_bill:.6g}"), "from the pricing-currency costs on the bill")
    if currency in TABLE:
        return Rate(currency, TABLE[currency], TABLE_SOURCE)
    return Rate(currency, Decimal(1), "")


def usd(amount: Decimal, currency: str, rates: Rates | None = None) -> Decimal:
    """Convert an amount of `currency` to US dollars; `rates` are the rates in owners.toml."""
    return amount / rate_of(currency, rates=rates).per_usd


def converted(amount: Decimal, *, source: str, target: str, rates: Rates | None = None) -> Decimal:
    """Convert an amount from the currency `source` to the currency `target`."""
    if source == target:
        return amount
    return usd(amount, source, rates) * rate_of(target, rates=rates).per_usd
