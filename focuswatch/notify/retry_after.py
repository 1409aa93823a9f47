"""Parse the Retry-After header of an HTTP response: a number of seconds, or a date.

https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
"""

import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

# A longer wait means that a clock is wrong. SQS also limits it: it hides a message for at most 12 hours.
LONGEST_SECONDS = 3_600.0


def retry_after(
    headers: Mapping[str, str], *, otherwise: float, clock: Callable[[], float] = time.time
) -> float:
    """Return the seconds to wait from now; `otherwise` if the header is missing or invalid."""
    value = next((text for name, text in headers.items() if name.lower() == "retry-after"), "")
    seconds = _seconds(value.strip(), now=clock())
    return otherwise if seconds is None else min(max(seconds, 1.0), LONGEST_SECONDS)


def _seconds(value: str, *, now: float) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        try:
            at = parsedate_to_datetime(value)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now
        except (ValueError, TypeError, OverflowError, OSError):
            return None
    return seconds if math.isfinite(seconds) else None
