"""The link to the deployed page: good for some days, for whoever has it, and for nothing but the page.

An address that S3 presigns ends with the credentials that signed it, and a Lambda's end after hours, whatever the
address says: https://repost.aws/knowledge-center/presigned-url-s3-bucket-expiration
So a digest's link leads to the function that answers Slack, signed with what Slack signs with; opened, it is turned
into a presigned address of some minutes.
"""

import hashlib
import hmac
from collections.abc import Mapping

KEY = "page/focuswatch.html"
LINK_DAYS = 8  # until the next week's digest is there
DAY_SECONDS = 86_400
OPEN_SECONDS = 300


def page_link(address: str, *, secret: str, now: float) -> str:
    """The link, at the address of the function that answers; `now` in seconds since 1970."""
    until = str(int(now) + LINK_DAYS * DAY_SECONDS)
    return f"{address.rstrip('/')}/page?until={until}&sign={_sign(until, secret=secret)}"


def opens(query: Mapping[str, str], *, secret: str, now: float) -> bool:
    """Whether a link with this query was made with `secret` and has not run out."""
    until, sign = query.get("until", ""), query.get("sign", "")
    signed = hmac.compare_digest(_sign(until, secret=secret).encode(), sign.encode())
    return signed and now < int(until)


def _sign(until: str, *, secret: str) -> str:
    """Slack signs bodies that begin with its version, `v0:`; this is none of them."""
    return hmac.new(secret.encode(), f"focuswatch page until {until}".encode(), hashlib.sha256).hexdigest()
