"""Send read-only requests to a vendor's API, with retries, numbers as Decimal, and errors that say who can fix them.

Rate limits and outages (429, 5xx) are retried, see retry_rules_for_vendor_requests. No error message contains the API
key, and no redirect is followed, because a redirect could send the key to another host.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from focuswatch.errors import ConfigError, FetchError
from focuswatch.findings.replace_control_characters import visible

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS, READ_SECONDS = 10.0, 120.0
RETRIES = 6
RETRIED = (408, 429, 500, 502, 503, 504)
UNAUTHORIZED, FORBIDDEN = 401, 403
SHOWN_CHARACTERS = 300

Parameters = Mapping[str, str | int | Sequence[str]]
Shape = TypeVar("Shape", bound=BaseModel)


def require_requests() -> None:
    """Raise ConfigError if the package requests, which only `focuswatch fetch` needs, is not installed."""
    try:
        import requests  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "focuswatch fetch requires the package requests. Install the package with: pip install 'focuswatch[fetch]'"
        ) from error


@dataclass(frozen=True)
class VendorApi:
    """The API of one vendor, with the headers that authorize its requests."""

    vendor: str
    url: str
    key_variable: str  # environment variable with the key, for error messages
    key: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    key_help: str = ""

    def __post_init__(self) -> None:
        """Raise ConfigError for a URL that would send the key unencrypted."""
        address = urlsplit(self.url)
        is_local = address.scheme == "http" and address.hostname == "127.0.0.1"
        if not address.hostname or not (address.scheme == "https" or is_local):
            raise ConfigError(
                f"'{visible(self.url)}' is not the URL of an API. Expected a URL that starts with https://"
            )

    def get(self, path: str, parameters: Parameters, *, shape: type[Shape]) -> Shape:
        """Send a GET request and return the response; a list in `parameters` is sent as a repeated parameter."""
        return self._request("GET", path, shape, params=parameters)

    def post(self, path: str, body: Mapping[str, Any], *, shape: type[Shape]) -> Shape:
        """Send a POST request that only reads, as in Cursor's API, and return the response."""
        return self._request("POST", path, shape, json=body)

    def _request(self, method: str, path: str, shape: type[Shape], **content: Any) -> Shape:
        import requests

        try:
            response = self._session.request(
                method,
                self.url.rstrip("/") + path,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                auth=self._authorized,
                **content,
            )
        except requests.exceptions.RequestException as error:
            # Not `from error`: the text of the error can contain headers.
            raise FetchError(
                f"{self.vendor}: no response to {method} {path} ({type(error).__name__}). "
                "Check the network, then run the command again"
            ) from None
        if response.status_code != requests.codes.ok:
            raise self._refusal(response, f"{method} {path}")
        try:
            return shape.model_validate(json.loads(response.content, parse_float=Decimal))
        except ValueError as error:
            raise FetchError(
                f"{self.vendor}: unexpected response to {method} {path}: {_first_problem(error)}"
            ) from error

    def _authorized(self, request: "requests.PreparedRequest") -> "requests.PreparedRequest":
        """Add the authorization headers. Used as `auth`, so that `requests` does not send credentials from ~/.netrc."""
        request.headers.update(self.headers)
        return request

    @cached_property
    def _session(self) -> "requests.Session":
        import requests
        from requests.adapters import HTTPAdapter

        from focuswatch.connectors.retry_rules_for_vendor_requests import vendor_retry

        session = requests.Session()
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(max_retries=vendor_retry()))
        return session

    def _refusal(self, response: "requests.Response", request: str) -> FetchError:
        status, wait = response.status_code, response.headers.get("Retry-After")
        if status == UNAUTHORIZED or (
            status == FORBIDDEN and not wait
        ):  # without the body: it can contain the key
            return FetchError(
                f"{self.vendor}: HTTP {status} for {request}: the API key in {self.key_variable} is not "
                f"valid or lacks permission. {self.key_help}".rstrip(),
                status=status,
            )
        text = " ".join(visible(response.text.replace(self.key, "…")).split())[:SHOWN_CHARACTERS]
        reason = text or "the response is empty"
        if status not in (FORBIDDEN, *RETRIED):
            return FetchError(f"{self.vendor}: HTTP {status} for {request}: {reason}", status=status)
        retries = len(response.raw.retries.history)
        attempts = f"after {retries} {'retry' if retries == 1 else 'retries'}"
        later = f"in {wait} seconds" if wait and wait.isdigit() else "later"
        return FetchError(
            f"{self.vendor}: HTTP {status} for {request} {attempts}: {reason.rstrip('.')}. Run the "
            f"command again {later}",
            status=status,
        )


def _first_problem(error: ValueError) -> str:
    """Return the first validation problem of a response; a ValueError that is not from pydantic means invalid JSON."""
    if not isinstance(error, ValidationError):
        return "not JSON"
    first = error.errors(include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
