"""Fetch one vendor's charges and replace the fetched days in its FOCUS files.

Vendors restate recent days, so every run fetches the last days again and replaces them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from focuswatch.connectors.focus_file_store_protocol import FocusFileStore
from focuswatch.connectors.focus_row_of_vendor_charge import BillingAccount
from focuswatch.connectors.supported_vendor_connectors import Connector
from focuswatch.connectors.vendor_api import VendorApi
from focuswatch.errors import ConfigError

RESTATED_DAYS = 7


@dataclass(frozen=True)
class FetchSummary:
    """The days [first, until) that were replaced, and the number and totals of their charges."""

    first: date
    until: date
    rows: int
    totals: Mapping[str, Decimal]  # by currency
    notes: tuple[str, ...]


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
