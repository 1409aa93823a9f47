"""A charge of a vendor on one day (UTC), before it is written as a row of FOCUS 1.2."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, kw_only=True)
class VendorCharge:
    """One row of the files. Amounts are in `currency`; None is unknown or does not apply."""

    day: date
    service: str
    meter: str  # what is billed, as the vendor names it
    description: str
    billed: Decimal
    listed: Decimal  # before discounts and included usage
    currency: str
    quantity: Decimal | None = None
    unit: str | None = None  # with a quantity only
    account_id: str | None = None  # a project, workspace or organization
    account_name: str | None = None
    account_type: str | None = None
    resource_id: str | None = None
    resource_type: str | None = None
    region: str | None = None
    model: str | None = None
    user: str | None = None


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """The charges of the days [first, until), and notes for the operator."""

    charges: tuple[VendorCharge, ...]
    notes: tuple[str, ...] = ()
