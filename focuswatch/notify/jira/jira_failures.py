"""What went wrong at Jira, as what is known of its effect: nothing was done, nobody knows, or it will not be done.

Refused
└── FieldsRefused   Jira names the fields that it does not take
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from focuswatch.errors import DeliveryError, Refused, TryLater, Unsure
from focuswatch.notify.retry_after import retry_after

if TYPE_CHECKING:
    import requests
    from jira.exceptions import JIRAError

LATER_SECONDS = 60.0  # where Jira does not say how long
TOO_MANY, REQUEST_TIMEOUT = 429, 408
CLIENT_ERRORS, SERVER_ERRORS = 400, 500  # the client also raises for a 201 without a key: something was made


class FieldsRefused(Refused):
    """Jira does not take these fields; `fields` has its reason for each."""

    def __init__(self, why: str, *, fields: Mapping[str, str]) -> None:
        super().__init__(why)
        self.fields = dict(fields)


@contextmanager
def translate_errors(doing: str, *, writing: bool) -> Iterator[None]:
    """Turn what the client raises into TryLater, Unsure or Refused; who only reads never leaves a doubt."""
    import requests
    from jira.exceptions import JIRAError

    try:
        yield
    except JIRAError as error:
        # Not `from error`: its text holds the whole reply, with the cookies that Jira sets.
        raise _answered(doing, error, writing=writing) from None
    except requests.exceptions.JSONDecodeError as error:
        raise _unanswered(f"{doing}: Jira's answer is no JSON", writing=writing) from error
    except KeyError as error:
        raise _unanswered(
            f"{doing}: the answer is not one of Jira's, it has no {error}", writing=writing
        ) from error
    except requests.exceptions.RequestException as error:
        nothing_sent = _never_connected(error)
        why = f"{doing}: {'no connection' if nothing_sent else 'no answer'} ({type(error).__name__})"
        raise _unanswered(why, writing=writing and not nothing_sent) from error


def _answered(doing: str, error: "JIRAError", *, writing: bool) -> DeliveryError:
    status = error.status_code or SERVER_ERRORS
    said, fields = _said(error.response)
    why = f"{doing}: Jira answered {status}: {said or error.text or 'nothing more'}"
    if status == TOO_MANY:
        return TryLater(why, seconds=_retry_after(error.response))
    if status >= SERVER_ERRORS or status == REQUEST_TIMEOUT or status < CLIENT_ERRORS:
        return _unanswered(why, writing=writing, seconds=_retry_after(error.response))
    return FieldsRefused(why, fields=fields) if fields else Refused(why)


def _unanswered(why: str, *, writing: bool, seconds: float = LATER_SECONDS) -> DeliveryError:
    return Unsure(why) if writing else TryLater(why, seconds=seconds)


def _said(response: "requests.Response | None") -> tuple[str, dict[str, str]]:
    """Jira's own words, and those of them that are about a field.

    https://developer.atlassian.com/cloud/jira/platform/rest/v2/intro/#status-codes
    """
    try:
        told: Any = response.json() if response is not None else {}
    except ValueError:
        told = {}
    if not isinstance(told, dict):
        return "", {}
    fields = told.get("errors") if isinstance(told.get("errors"), dict) else {}
    about = {str(name): str(reason) for name, reason in (fields or {}).items()}
    messages = [str(one) for one in told.get("errorMessages") or ()]
    return "; ".join([*messages, *(f"{name}: {reason}" for name, reason in about.items())]), about


def _retry_after(response: "requests.Response | None") -> float:
    """https://developer.atlassian.com/cloud/jira/platform/rate-limiting/: 429, and some 5xx, say how long."""
    return LATER_SECONDS if response is None else retry_after(response.headers, otherwise=LATER_SECONDS)


def _never_connected(error: "requests.exceptions.RequestException") -> bool:
    """Whether it surely failed before anything was sent: refused, unknown name, no connection in time."""
    import requests
    from urllib3.exceptions import NewConnectionError

    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.exceptions.ConnectionError) and isinstance(cause, NewConnectionError)
