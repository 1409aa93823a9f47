"""Define the storage of one vendor's charges as FOCUS files; implemented for a local folder and for an S3 bucket."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Protocol

from focuswatch.connectors.focus_row_of_vendor_charge import BillingAccount, period_of
from focuswatch.connectors.vendor_charge_record import VendorCharge

FILE_NAME = "focus.parquet"
# The order of the rows in a file.
ORDER = ("ChargePeriodStart", "SubAccountId", "SkuMeter", "ResourceId", "x_User")


class FocusFileStore(Protocol):
    """The FOCUS files of one billing account of one vendor, one file for each billing period with charges.

    The path of a file is `data/billing_period=2026-11/focus.parquet`. A file is replaced in one step, so that a reader
    sees either the old or the new file.
    """

    def newest_day(self) -> date | None:
        """Return the newest day with charges; None if there are no files."""
        ...

    def check_account(self, account: BillingAccount) -> None:
        """Raise ConfigError if the files belong to another vendor or billing account."""
        ...

    def replace_days(
        self, charges: Sequence[VendorCharge], *, account: BillingAccount, first: date, until: date
    ) -> None:
        """Replace the charges of the days [first, until) with `charges`, which contain only these days."""
        ...


def periods_of(first: date, until: date) -> Iterator[date]:
    """Yield the first day of each billing period with a day in [first, until)."""
    period = period_of(first)
    while period < until:
        yield period
        period = period_of(period + timedelta(days=31))


def period_path(period: date) -> str:
    """Return the path of a billing period's file, relative to the folder or prefix."""
    return f"data/billing_period={period:%Y-%m}/{FILE_NAME}"


def other_accounts(found: Sequence[tuple[str, str]], *, account: BillingAccount) -> str:
    """Return the vendors and accounts in `found` other than `account`, for an error message; empty if none."""
    others = [f"{vendor} {id_}" for vendor, id_ in found if (vendor, id_) != (account.vendor, account.id)]
    return ", ".join(others)
