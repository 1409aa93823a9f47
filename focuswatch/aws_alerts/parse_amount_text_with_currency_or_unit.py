"""Parse an amount in an AWS Budgets alert: money in any currency, usage with a unit, or a percentage."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from focuswatch.findings.amount_text_without_currency import amount

# ¥ is not listed because it can mean yen or yuan.
SIGNS = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "₹": "INR"}
NUMBER = re.compile(r"(?P<before>[^\d.,-]*)(?P<number>-?[\d.,]*\d)(?P<after>.*)", re.DOTALL)
COMMA_IS_POINT = re.compile(r"-?\d{1,3}(\.\d{3})*,\d{1,2}|-?\d+,\d{1,2}")
MOST_DIGITS = 30  # no charge has that many; a longer number is not an amount
CURRENCY_CODE = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class Measure:
    """A number and its unit: a currency, `%`, a usage unit, or None."""

    value: Decimal
    unit: str | None
    is_money: bool

    def __str__(self) -> str:
        if self.unit == "%":
            return f"{_number(self.value)}%"
        return f"{_number(self.value)} {self.unit}" if self.unit else _number(self.value)

    @classmethod
    def read(cls, text: str) -> "Measure | None":
        """Parse text such as `> $10,200.00`, `80 GB` or `65.5%`; None if it has no number.

        Raises ValueError if the number is malformed or has more than MOST_DIGITS characters.
        """
        match = NUMBER.fullmatch(text.strip().lstrip("<>= "))
        if not match:
            return None
        if len(match["number"]) > MOST_DIGITS:
            raise ValueError(
                f"the amount has {len(match['number']):,} characters; expected at most {MOST_DIGITS}"
            )
        sign, unit = match["before"].strip(), match["after"].strip()
        unit_name = SIGNS.get(sign, sign) or SIGNS.get(unit, unit)
        is_money = bool(sign) or unit in SIGNS or bool(CURRENCY_CODE.fullmatch(unit))
        try:
            return cls(_decimal(match["number"]), unit_name or None, is_money)
        except InvalidOperation:
            raise ValueError(f"expected a number, found {match['number']!r}") from None


def _decimal(number: str) -> Decimal:
    if COMMA_IS_POINT.fullmatch(number):
        number = number.replace(".", "").replace(",", ".")
    return Decimal(number.replace(",", ""))


def _number(value: Decimal) -> str:
    """Return a whole number without decimals, any other number as `amount` formats money."""
    return f"{value:,.0f}" if value == value.to_integral_value() else amount(value)
