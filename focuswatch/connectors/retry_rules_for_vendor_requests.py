"""Retry requests to a vendor's API with urllib3: after outages and short rate limits, but not if a quota is used up."""

from typing import Any, Self

from urllib3.exceptions import MaxRetryError, ResponseError
from urllib3.util import Retry

from focuswatch.connectors.vendor_api import FORBIDDEN, RETRIED, RETRIES

# Six waits of this length are shorter than the timeout of the function `fetch`, 15 minutes. A longer Retry-After means
# that the quota of an hour or a day is used up.
LONGEST_WAIT_SECONDS = 120


class VendorRetry(Retry):
    """Also retries a 403 with a Retry-After header, which is a secondary rate limit of GitHub.

    Without the header, a 403 means a missing permission:
    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Return whether to send the request again."""
        limited = status_code == FORBIDDEN and has_retry_after and bool(self.total)
        return limited or super().is_retry(method, status_code, has_retry_after)

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,
        *rest: Any,
        **named: Any,
    ) -> Self:
        """Return the state for the next attempt. Raises MaxRetryError if the response requires a longer wait."""
        wait = self.get_retry_after(response) if response is not None else None
        if wait is not None and wait > LONGEST_WAIT_SECONDS:
            raise MaxRetryError(named.get("_pool"), url or "", ResponseError(f"Retry-After: {wait:.0f} s"))  # type: ignore[arg-type]
        return super().increment(method, url, response, *rest, **named)


def vendor_retry() -> VendorRetry:
    """Return the retries of one request. After the last attempt, urllib3 returns the response and does not raise."""
    return VendorRetry(
        total=RETRIES,
        status_forcelist=RETRIED,
        allowed_methods=("GET", "POST"),
        backoff_factor=1,
        raise_on_status=False,
    )
