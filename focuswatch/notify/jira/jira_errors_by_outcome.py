"""Translate errors of the Jira client by outcome: nothing was changed, the outcome is unknown, or Jira refused.

Refused
└── FieldsRefused   Jira refused the fields that it names
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from focuswatch.errors import DeliveryError, Refused, TryLater, Unsure
from focuswatch.notify.retry_after import retry_after

if TYPE_CHECKING:
    import requests
    from jira.exceptions import JIRAError

RETRY_SECONDS = 60.0  # without a Retry-After header
TOO_MANY, REQUEST_TIMEOUT = 429, 408
# Lowest status codes of each kind. The client also raises for status 201 without a key: an issue was created.
CLIENT_ERRORS, SERVER_ERRORS = 400, 500


class FieldsRefused(Refused):
    """Jira refused fields of the issue; `fields` has the reason for each."""

    def __init__(self, reason: str, *, fields: Mapping[str, str]) -> None:
        super().__init__(reason)
        self.fields = dict(fields)


@contextmanager
def translate_errors(doing: str, *, writing: bool) -> Iterator[None]:
    """Turn exceptions of the client into TryLater, Unsure or Refused. Unsure is raised only when `writing`."""
    import requests
    from jira.exceptions import JIRAError

    try:
        yield
    except JIRAError as error:
        # Not `from error`, because its text contains the whole response, including session cookies.
        raise _from_response(doing, error, writing=writing) from None
    except requests.exceptions.JSONDecodeError as error:
        raise _without_result(f"{doing}: the response from Jira is not JSON", writing=writing) from error
    except KeyError as error:
        raise _without_result(
            f"{doing}: the response does not appear to be from Jira: the field {error} is missing. Check that "
            "the URL in the Jira secret is your Jira site, and that no proxy responds instead",
            writing=writing,
        ) from error
    except requests.exceptions.RequestException as error:
        nothing_sent = _never_connected(error)
        reason = f"{doing}: {'no connection' if nothing_sent else 'no response'} ({type(error).__name__})"
        raise _without_result(reason, writing=writing and not nothing_sent) from error


def _from_response(doing: str, error: "JIRAError", *, writing: bool) -> DeliveryError:
    status = error.status_code or SERVER_ERRORS
    reasons, fields = _reasons(error.response)
    reason = f"{doing}: Jira returned HTTP {status}: {reasons or error.text or 'no reason given'}"
    if status == TOO_MANY:
        return TryLater(reason, seconds=_retry_after(error.response))
    if status >= SERVER_ERRORS or status == REQUEST_TIMEOUT or status < CLIENT_ERRORS:
        return _without_result(reason, writing=writing, seconds=_retry_after(error.response))
    return FieldsRefused(reason, fields=fields) if fields else Refused(reason)


def _without_result(reason: str, *, writing: bool, seconds: float = RETRY_SECONDS) -> DeliveryError:
    return Unsure(reason) if writing else TryLater(reason, seconds=seconds)


def _reasons(response: "requests.Response | None") -> tuple[str, dict[str, str]]:
    """Return all error messages of a response as one text, and the messages by field.

    https://developer.atlassian.com/cloud/jira/platform/rest/v2/intro/#status-codes
    """
    try:
        body: Any = response.json() if response is not None else {}
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        return "", {}
    fields = body.get("errors") if isinstance(body.get("errors"), dict) else {}
    by_field = {str(name): str(reason) for name, reason in (fields or {}).items()}
    messages = [str(message) for message in body.get("errorMessages") or ()]
    return "; ".join([*messages, *(f"{name}: {reason}" for name, reason in by_field.items())]), by_field


def _retry_after(response: "requests.Response | None") -> float:
    """Return the seconds until a retry: https://developer.atlassian.com/cloud/jira/platform/rate-limiting/."""
    return RETRY_SECONDS if response is None else retry_after(response.headers, otherwise=RETRY_SECONDS)


def _never_connected(error: "requests.exceptions.RequestException") -> bool:
    """Return whether the request failed before it was sent: connection refused or timed out, or host unknown."""
    import requests
    from urllib3.exceptions import NewConnectionError

    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.exceptions.ConnectionError) and isinstance(cause, NewConnectionError)
