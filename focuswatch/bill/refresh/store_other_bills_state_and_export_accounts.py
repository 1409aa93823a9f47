"""Load and store the state of the bills of other providers in a deployment: two JSON objects below `tables/`.

The Lambda function `refresh` writes the accounts of the export; the Lambda function `bills` writes the other object.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FOLDER = "tables/other_bills"
BILLS_KEY = f"{FOLDER}/bills.json"
ACCOUNTS_KEY = f"{FOLDER}/export_accounts.json"
Account = tuple[str | None, str]  # ID and main provider


@dataclass(frozen=True)
class DeployedBill:
    """A bill of another provider; `prefix` is the prefix of its files in the bucket, without a trailing slash."""

    name: str
    prefix: str


class BillState(BaseModel):
    """A bill as it was last read and written.

    `source` is a digest of its files; `written` is a digest of everything that determines the rows of its periods.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    written: str
    periods: tuple[str, ...]
    currency: str
    per_usd: float | None  # units of the currency for one US dollar, if the bill states it
    charges: int
    others: dict[str, int]  # charges of providers other than AWS
    accounts: tuple[Account, ...]
    last_charge_date: date
    warnings: tuple[str, ...] = ()
    conversions: tuple[str, ...] = ()  # notes on charges in further currencies, with their rates


_BILLS = TypeAdapter(dict[str, BillState])
_ACCOUNTS = TypeAdapter(tuple[Account, ...])


@dataclass(frozen=True)
class OtherBillsState:
    """The two objects in `bucket`. If one is lost or damaged, later refreshes read the bills and write it again."""

    s3: "S3Client"
    bucket: str

    def bills(self) -> dict[str, BillState]:
        """Return the bills by name."""
        try:
            return _BILLS.validate_json(self._read(BILLS_KEY) or b"{}")
        except ValidationError:  # written by an earlier version
            return {}

    def store_bills(self, bills: Mapping[str, BillState]) -> None:
        """Replace the bills."""
        self.s3.put_object(Bucket=self.bucket, Key=BILLS_KEY, Body=_BILLS.dump_json(dict(bills)))

    def export_accounts(self) -> dict[str | None, str] | None:
        """Return the accounts of the export with their main provider; None if none are stored."""
        stored = self._read(ACCOUNTS_KEY)
        try:
            return None if stored is None else dict(_ACCOUNTS.validate_json(stored))
        except ValidationError:
            return None

    def store_export_accounts(self, accounts: Iterable[Account]) -> None:
        """Replace the accounts of the export."""
        self.s3.put_object(Bucket=self.bucket, Key=ACCOUNTS_KEY, Body=_ACCOUNTS.dump_json(tuple(accounts)))

    def _read(self, key: str) -> bytes | None:
        try:
            return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return None
