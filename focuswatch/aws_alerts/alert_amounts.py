"""Amounts as AWS Budgets writes them: money of any currency, usage with its unit, shares in per cent."""

import re
from dataclasses import dataclass
from decimal import Decimal

from focuswatch.findings.finding import amount

SIGNS = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "₹": "INR"}  # ¥ is yen or yuan: it stays as it is
NUMBER = re.compile(r"(?P<before>[^\d.,-]*)(?P<number>-?[\d.,]*\d)(?P<after>.*)", re.DOTALL)
COMMA_IS_POINT = re.compile(r"-?\d{1,3}(\.\d{3})*,\d{1,2}|-?\d+,\d{1,2}")
MOST_DIGITS = (
    30  # of any amount that somebody was ever charged; more is no number that could be reckoned with
)
CURRENCY_CODE = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class Measure:
    """A number with what it counts: a currency, `%`, a unit of usage; None where nothing is said."""

    value: Decimal
    unit: str | None
    is_money: bool

    def __str__(self) -> str:
        return f"{_number(self.value)} {self.unit}" if self.unit else _number(self.value)

    @classmethod
    def read(cls, text: str) -> "Measure | None":
        """The measure in `> $10,200.00`, `80 GB`, `65.5%`; None where there is no number.

        Raises ValueError where the number is absurd.
        """
        found = NUMBER.fullmatch(text.strip().lstrip("<>= "))
        if not found:
            return None
        if len(found["number"]) > MOST_DIGITS:
            raise ValueError(f"an amount of {len(found['number']):,} characters")
        sign, unit = found["before"].strip(), found["after"].strip()
        known = SIGNS.get(sign, sign) or SIGNS.get(unit, unit)
        is_money = bool(sign) or unit in SIGNS or bool(CURRENCY_CODE.fullmatch(unit))
        return cls(_decimal(found["number"]), known or None, is_money)


def _decimal(number: str) -> Decimal:
    if COMMA_IS_POINT.fullmatch(number):
        number = number.replace(".", "").replace(",", ".")
    return Decimal(number.replace(",", ""))


def _number(value: Decimal) -> str:
    """A whole number without decimals, else as money is shown."""
    return f"{value:,.0f}" if value == value.to_integral_value() else amount(value)
