"""Convert the values of columns to values that JSON supports. Pure."""

import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any


def json_value(value: Any) -> Any:
    """Return a column's value for JSON: dates as text, decimals as numbers, numbers with at most six decimals."""
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
