"""Define a charge of a vendor on one UTC day, before its conversion to a FOCUS 1.2 row."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, kw_only=True)
class VendorCharge:
    """A charge, which becomes one FOCUS row. Amounts are in `currency`; None means unknown or not applicable."""

    day: date
    service: str
    meter: str  # the billed item, as named by the vendor
    description: str
    billed: Decimal
    listed: Decimal  # before discounts and included usage
    currency: str
    quantity: Decimal | None = None
    unit: str | None = None  # only if there is a quantity
    account_id: str | None = None  # project, workspace or organization
    account_name: str | None = None
    account_type: str | None = None
    resource_id: str | None = None
    resource_type: str | None = None
    region: str | None = None
    model: str | None = None
    user: str | None = None


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """The fetched charges, and notes for the operator."""

    charges: tuple[VendorCharge, ...]
    notes: tuple[str, ...] = ()
