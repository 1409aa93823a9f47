"""Fetch one vendor's charges and replace the fetched days in its FOCUS files; lists the supported vendors.

Vendors restate recent days, so every run fetches the last days again and replaces them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
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
from focuswatch.connectors.focus_file_store_protocol import FocusFileStore
from focuswatch.connectors.focus_row_of_vendor_charge import BillingAccount
from focuswatch.connectors.openai_costs import OPENAI, OPENAI_KEY, OPENAI_URL, fetch_openai, openai_api
from focuswatch.connectors.vendor_api import VendorApi
from focuswatch.connectors.vendor_charge_record import Fetched
from focuswatch.errors import ConfigError

RESTATED_DAYS = 7


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


@dataclass(frozen=True)
class FetchSummary:
    """The days [first, until) that were replaced, and the number and totals of their charges."""

    first: date
    until: date
    rows: int
    totals: Mapping[str, Decimal]  # by currency
    notes: tuple[str, ...]


CONNECTORS = {
    "anthropic": Connector(ANTHROPIC, ANTHROPIC_KEY, ANTHROPIC_URL, anthropic_api, fetch_anthropic),
    "copilot": Connector(
        GITHUB, GITHUB_KEY, GITHUB_URL, github_api, fetch_copilot, account_path="/organizations/{account}"
    ),
    "cursor": Connector(CURSOR, CURSOR_KEY, CURSOR_URL, cursor_api, fetch_cursor),
    "openai": Connector(OPENAI, OPENAI_KEY, OPENAI_URL, openai_api, fetch_openai),
}


def fetch_vendor(
    connector: Connector,
    *,
    api: VendorApi,
    files: FocusFileStore,
    account_id: str,
    since: date | None,
    until: date,
    restated_days: int = RESTATED_DAYS,
) -> FetchSummary:
    """Fetch the days before `until` and replace them in `files`.

    Raises FetchError, and ConfigError if the first run has no `since`; then `files` do not change.
    """
    account = BillingAccount(connector.vendor, account_id)
    files.check_account(account)
    first = first_day(since, newest=files.newest_day(), until=until, restated_days=restated_days)
    fetched = connector.fetch(api, first=first, until=until)
    files.replace_days(fetched.charges, account=account, first=first, until=until)
    totals: dict[str, Decimal] = {}
    for charge in fetched.charges:
        totals[charge.currency] = totals.get(charge.currency, Decimal(0)) + charge.billed
    return FetchSummary(first, until, len(fetched.charges), totals, fetched.notes)


def first_day(since: date | None, *, newest: date | None, until: date, restated_days: int) -> date:
    """Return `since` or an earlier day, so that restated days and days that were never fetched are included."""
    resumed = newest and min(newest, until - timedelta(days=1)) - timedelta(days=restated_days - 1)
    first = min((day for day in (since, resumed) if day), default=None)
    if first is None:
        raise ConfigError(
            "The output folder contains no charges yet. Specify the first day with --since, for example "
            "--since 2026-11-01"
        )
    if first >= until:
        raise ConfigError(f"--since {first} must be before {until}, the first incomplete UTC day")
    return first
