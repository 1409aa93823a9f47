"""Amounts of money as decimals: the type of amounts in JSON, and rounding that accepts amounts of any size. Pure."""

from decimal import Context, Decimal
from typing import Annotated

from pydantic import PlainSerializer

# Digits for the largest double with six decimals; the default precision of 28 digits fails from 1e22 on.
ANY_AMOUNT = Context(prec=400)

Money = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]  # a number in JSON


def money(value: float | Decimal | None) -> Decimal:
    """Return an amount with six decimals, as on a bill. None, and a value that rounds to -0, become 0."""
    amount = Decimal(repr(value) if isinstance(value, float) else value or 0)
    return amount.quantize(Decimal("0.000001"), context=ANY_AMOUNT) + 0


def to_cents(amount: Decimal) -> Decimal:
    """Return an amount with two decimals. `round(amount, 2)` fails from 1e26 on."""
    return amount.quantize(Decimal("0.01"), context=ANY_AMOUNT)
