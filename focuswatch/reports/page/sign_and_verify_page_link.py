"""Create and verify signed links to the deployed page.

A link opens the page and nothing else, for anyone who has it, for some days. A presigned S3 URL expires with the
credentials that signed it, and those of a Lambda function expire after hours, whatever expiry the URL states:
https://repost.aws/knowledge-center/presigned-url-s3-bucket-expiration
Therefore, a link in a digest points to the function that receives Slack's requests, and is signed with Slack's signing
secret. That function redirects to a presigned URL that is valid for some minutes.
"""

import hashlib
import hmac
from collections.abc import Mapping

KEY = "page/focuswatch.html"
LINK_DAYS = 8  # until after the next weekly digest
DAY_SECONDS = 86_400
OPEN_SECONDS = 300  # validity of the presigned URL


def page_link(address: str, *, secret: str, now: float) -> str:
    """Return a signed link at `address`, the URL of the function; `now` is in seconds since 1970."""
    until = str(int(now) + LINK_DAYS * DAY_SECONDS)
    return f"{address.rstrip('/')}/page?until={until}&sign={_sign(until, secret=secret)}"


def is_valid_link(query: Mapping[str, str], *, secret: str, now: float) -> bool:
    """Return whether a link with this query was signed with `secret` and has not expired."""
    until, sign = query.get("until", ""), query.get("sign", "")
    signed = hmac.compare_digest(_sign(until, secret=secret).encode(), sign.encode())
    return signed and now < int(until)


def _sign(until: str, *, secret: str) -> str:
    """Return the signature of a link.

    It never equals the signature of a Slack request, because Slack signs text that starts with its version, `v0:`.
    """
    return hmac.new(secret.encode(), f"focuswatch page until {until}".encode(), hashlib.sha256).hexdigest()
