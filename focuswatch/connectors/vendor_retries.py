"""Retries of requests, by urllib3; also for GitHub's secondary rate limits.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from urllib3.util import Retry

FORBIDDEN = 403


class VendorRetry(Retry):
    """Retries a 403 too if it has a Retry-After header: a rate limit, and not a lack of permission."""

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Return whether to send the request again."""
        limited = status_code == FORBIDDEN and has_retry_after and bool(self.total)
        return limited or super().is_retry(method, status_code, has_retry_after)
