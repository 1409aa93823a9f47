"""Format an amount of money or a measure as text, without its unit. Pure."""

from decimal import Decimal

WHOLE_FROM = 100  # smallest amount that is shown without decimals


def amount(value: float | Decimal) -> str:
    """Return money or a measure as text: two decimals below 100, none from 100 up."""
    return f"{value:,.0f}" if round(abs(float(value)), 2) >= WHOLE_FROM else f"{value:,.2f}"
