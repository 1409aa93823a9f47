"""The contract of the FOCUS files that hold one billing account of one vendor: in a folder, or in an S3 bucket."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from focuswatch.connectors.focus_rows import BillingAccount
from focuswatch.connectors.vendor_charge import VendorCharge

FILE_NAME = "focus.parquet"


class ChargeFiles(Protocol):
    """`data/billing_period=2026-11/focus.parquet`: one file for each billing period with charges.

    A file is replaced in one step: a reader sees the old or the new one.
    """

    def newest_day(self) -> date | None:
        """Return the newest day with charges; None without files."""
        ...

    def check_account(self, account: BillingAccount) -> None:
        """Raise ConfigError if the files are of another vendor or billing account."""
        ...

    def replace_days(
        self, charges: Sequence[VendorCharge], *, account: BillingAccount, first: date, until: date
    ) -> None:
        """Replace the days [first, until) with `charges`, which are of these days only."""
        ...


def period_path(period: date) -> str:
    """Return the path of a billing period's file, below the folder or prefix."""
    return f"data/billing_period={period:%Y-%m}/{FILE_NAME}"


def other_accounts(found: Sequence[tuple[str, str]], *, account: BillingAccount) -> str:
    """Return the vendors and accounts in `found` that are not `account`, for an error; empty if there are none."""
    others = [f"{vendor} {id_}" for vendor, id_ in found if (vendor, id_) != (account.vendor, account.id)]
    return ", ".join(others)
