"""Define the supported vendors: how to open the API of each vendor, and how to fetch its charges."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from urllib.parse import quote

from focuswatch.connectors.anthropic_costs import (
    ANTHROPIC,
    ANTHROPIC_KEY,
    ANTHROPIC_URL,
    anthropic_api,
    fetch_anthropic,
)
from focuswatch.connectors.copilot_costs import GITHUB, GITHUB_KEY, GITHUB_URL, fetch_copilot, github_api
from focuswatch.connectors.cursor_usage import CURSOR, CURSOR_KEY, CURSOR_URL, cursor_api, fetch_cursor
from focuswatch.connectors.openai_costs import OPENAI, OPENAI_KEY, OPENAI_URL, fetch_openai, openai_api
from focuswatch.connectors.vendor_api import VendorApi
from focuswatch.connectors.vendor_charge_record import Fetched
from focuswatch.errors import ConfigError


class FetchCharges(Protocol):
    """Fetches the charges of the days [first, until)."""

    def __call__(self, api: VendorApi, *, first: date, until: date) -> Fetched: ...


@dataclass(frozen=True)
class Connector:
    """A supported vendor: how to open its API and fetch its charges."""

    vendor: str
    key_variable: str
    url: str
    open_api: Callable[..., VendorApi]
    fetch: FetchCharges
    account_path: str = ""  # appended to the URL if the API has one URL per account

    def api(self, key: str, *, account: str | None, url: str | None = None) -> VendorApi:
        """Return the API at the vendor's URL, or at `url`. Raises ConfigError if a required account is missing."""
        if self.account_path and not account:
            raise ConfigError(f"{self.vendor}: specify the name of the organization with --account")
        path = self.account_path.format(account=quote(account or "", safe=""))
        return self.open_api(key, url=(url or self.url).rstrip("/") + path)


CONNECTORS = {
    "anthropic": Connector(ANTHROPIC, ANTHROPIC_KEY, ANTHROPIC_URL, anthropic_api, fetch_anthropic),
    "copilot": Connector(
        GITHUB, GITHUB_KEY, GITHUB_URL, github_api, fetch_copilot, account_path="/organizations/{account}"
    ),
    "cursor": Connector(CURSOR, CURSOR_KEY, CURSOR_URL, cursor_api, fetch_cursor),
    "openai": Connector(OPENAI, OPENAI_KEY, OPENAI_URL, openai_api, fetch_openai),
}
