"""Convert amounts to decimals with six decimal places, as on a bill. Pure."""

from decimal import Context, Decimal

# Digits for the largest double with six decimals; the default precision of 28 digits fails from 1e22 on.
ANY_AMOUNT = Context(prec=400)


def money(value: float | Decimal | None) -> Decimal:
    """Return an amount with six decimals, as on a bill. None, and a value that rounds to -0, become 0."""
    amount = Decimal(repr(value) if isinstance(value, float) else value or 0)
    return amount.quantize(Decimal("0.000001"), context=ANY_AMOUNT) + 0
