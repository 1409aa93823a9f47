"""Retry requests with urllib3, including responses that report GitHub's secondary rate limits.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from urllib3.util import Retry

FORBIDDEN = 403


class VendorRetry(Retry):
    """Also retries a 403 with a Retry-After header, which means a rate limit and not a missing permission."""

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Return whether to send the request again."""
        limited = status_code == FORBIDDEN and has_retry_after and bool(self.total)
        return limited or super().is_retry(method, status_code, has_retry_after)
