"""Post JSON to a URL once, and raise TryLater, Unsure or Refused if the request fails.

The URL and the body may contain secrets, so no error message contains them.
"""

import json
from collections.abc import Mapping
from typing import Any

from focuswatch.errors import DeliveryError, Refused, TryLater, Unsure
from focuswatch.findings.replace_control_characters import visible
from focuswatch.notify.retry_after import retry_after

CONNECT_SECONDS, READ_SECONDS = 5.0, 20.0
RETRY_SECONDS = 60.0  # without a Retry-After header
SHOWN_CHARACTERS = 300  # of the response text that an error quotes
TOO_MANY, REQUEST_TIMEOUT = 429, 408


def post_json(url: str, body: Mapping[str, Any], *, to: str, read_seconds: float = READ_SECONDS) -> str:
    """Post the body. Return the text of a successful response (status 2xx); `to` names the address in errors.

    Raises TryLater (nothing was done), Unsure (the request may have been processed) or Refused. Follows no redirects
    and does not retry.
    """
    import requests

    try:
        response = requests.post(
            url,
            data=json.dumps(body, ensure_ascii=False).encode("utf-8", errors="replace"),
            headers={"Content-Type": "application/json; charset=utf-8"},
            timeout=(CONNECT_SECONDS, read_seconds),
            allow_redirects=False,
        )
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema):
        raise Refused(f"{to}: the URL in the secret is invalid. Correct the secret.") from None
    except requests.exceptions.RequestException as error:
        # Not `from error`, because the text of that error contains the URL.
        raise _without_response(to, error) from None
    if 200 <= response.status_code < 300:
        return response.text
    raise _from_status(to, response)


def _without_response(to: str, error: Exception) -> DeliveryError:
    if _never_connected(error):
        return TryLater(f"{to}: no connection ({type(error).__name__})", seconds=RETRY_SECONDS)
    return Unsure(f"{to}: no response ({type(error).__name__})")


def _from_status(to: str, response: Any) -> DeliveryError:
    status = response.status_code
    if status == TOO_MANY:
        seconds = retry_after(response.headers, otherwise=RETRY_SECONDS)
        return TryLater(f"{to}: rate limit reached (HTTP 429)", seconds=seconds)
    if status >= 500 or status == REQUEST_TIMEOUT:
        return Unsure(f"{to}: HTTP {status}")
    text = " ".join(visible(response.text).split())[:SHOWN_CHARACTERS]
    return Refused(f"{to}: HTTP {status}: {text or 'no reason given'}")


def _never_connected(error: Exception) -> bool:
    """Return whether the request failed before anything was sent: refused, unknown host, or connection timeout."""
    import requests
    from urllib3.exceptions import NewConnectionError

    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.exceptions.ConnectionError) and isinstance(cause, NewConnectionError)
