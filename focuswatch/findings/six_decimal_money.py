"""Amounts with six decimals, as a bill has them. Pure."""

from decimal import Context, Decimal

ANY_AMOUNT = Context(
    prec=400
)  # digits of the greatest double with six decimals; the default of 28 fails from 1e22 on


def money(value: float | Decimal | None) -> Decimal:
    """Return an amount with six decimals, as a bill has; null and what rounds to -0 are 0."""
    amount = Decimal(repr(value) if isinstance(value, float) else value or 0)
    return amount.quantize(Decimal("0.000001"), context=ANY_AMOUNT) + 0
