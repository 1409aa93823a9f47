"""Links to the deployed page: valid for some days, for anyone who has one, and for the page alone.

A presigned address of S3 expires with the credentials that signed it, and those of a Lambda function expire after
hours, whatever the address says: https://repost.aws/knowledge-center/presigned-url-s3-bucket-expiration
So a link in a digest leads to the function that receives Slack's requests, signed with Slack's signing secret. That
function redirects to a presigned address that is valid for some minutes.
"""

import hashlib
import hmac
from collections.abc import Mapping

KEY = "page/focuswatch.html"
LINK_DAYS = 8  # until the digest of the next week
DAY_SECONDS = 86_400
OPEN_SECONDS = 300


def page_link(address: str, *, secret: str, now: float) -> str:
    """Return a link at the address of that function; `now` in seconds since 1970."""
    until = str(int(now) + LINK_DAYS * DAY_SECONDS)
    return f"{address.rstrip('/')}/page?until={until}&sign={_sign(until, secret=secret)}"


def opens(query: Mapping[str, str], *, secret: str, now: float) -> bool:
    """Return whether a link with this query was signed with `secret` and has not expired."""
    until, sign = query.get("until", ""), query.get("sign", "")
    signed = hmac.compare_digest(_sign(until, secret=secret).encode(), sign.encode())
    return signed and now < int(until)


def _sign(until: str, *, secret: str) -> str:
    """Return the signature of a link. No request of Slack has the same one: those begin with their version, `v0:`."""
    return hmac.new(secret.encode(), f"focuswatch page until {until}".encode(), hashlib.sha256).hexdigest()
