"""Values of a row: amounts with six decimals as a bill has, and values as in JSON. Pure."""

import math
from datetime import date, datetime
from decimal import Context, Decimal
from typing import Any

ANY_AMOUNT = Context(
    prec=400
)  # digits of the greatest double with six decimals; the default of 28 fails from 1e22 on


def money(value: float | Decimal | None) -> Decimal:
    """Return an amount with six decimals, as a bill has; null and what rounds to -0 are 0."""
    amount = Decimal(repr(value) if isinstance(value, float) else value or 0)
    return amount.quantize(Decimal("0.000001"), context=ANY_AMOUNT) + 0


def json_value(value: Any) -> Any:
    """Return a column's value as in JSON: dates as text, decimals as numbers."""
    match value:
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return json_value(float(value))
        case list() | tuple():
            return [json_value(element) for element in value]
        case dict():
            return {str(key): json_value(element) for key, element in value.items()}
        case float():
            return round(value, 6) if math.isfinite(value) else None  # JSON has neither NaN nor Infinity
    return value
