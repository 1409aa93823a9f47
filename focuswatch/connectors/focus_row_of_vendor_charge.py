"""Convert vendor charges to FOCUS 1.2 rows; `x_` columns hold the values for which FOCUS has no column.

https://focus.finops.org/focus-specification/v1-2/
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from focuswatch.connectors.vendor_charge_record import VendorCharge

TEXT, NUMBER, TIME = "VARCHAR", "DECIMAL(38, 18)", "TIMESTAMP"
PLACES = Decimal(1).scaleb(-18)
COLUMNS = {
    "BilledCost": NUMBER,
    "BillingAccountId": TEXT,
    "BillingAccountName": TEXT,
    "BillingAccountType": TEXT,
    "BillingCurrency": TEXT,
    "BillingPeriodEnd": TIME,
    "BillingPeriodStart": TIME,
    "ChargeCategory": TEXT,
    "ChargeClass": TEXT,
    "ChargeDescription": TEXT,
    "ChargeFrequency": TEXT,
    "ChargePeriodEnd": TIME,
    "ChargePeriodStart": TIME,
    "ConsumedQuantity": NUMBER,
    "ConsumedUnit": TEXT,
    "ContractedCost": NUMBER,
    "ContractedUnitPrice": NUMBER,
    "EffectiveCost": NUMBER,
    "InvoiceId": TEXT,
    "InvoiceIssuerName": TEXT,
    "ListCost": NUMBER,
    "ListUnitPrice": NUMBER,
    "PricingCategory": TEXT,
    "PricingCurrency": TEXT,
    "PricingQuantity": NUMBER,
    "PricingUnit": TEXT,
    "ProviderName": TEXT,
    "PublisherName": TEXT,
    "RegionId": TEXT,
    "RegionName": TEXT,
    "ResourceId": TEXT,
    "ResourceName": TEXT,
    "ResourceType": TEXT,
    "ServiceCategory": TEXT,
    "ServiceName": TEXT,
    "ServiceSubcategory": TEXT,
    "SkuId": TEXT,
    "SkuMeter": TEXT,
    "SkuPriceId": TEXT,
    "SubAccountId": TEXT,
    "SubAccountName": TEXT,
    "SubAccountType": TEXT,
    "Tags": "MAP(VARCHAR, VARCHAR)",
    "x_Model": TEXT,
    "x_User": TEXT,
}


@dataclass(frozen=True)
class BillingAccount:
    """The billed account, and the vendor that bills the account."""

    vendor: str  # provider, publisher and invoice issuer
    id: str
    type: str = "Organization"


def period_of(day: date) -> date:
    """Return the first day of the billing period, which is the calendar month."""
    return day.replace(day=1)


def focus_row(charge: VendorCharge, *, account: BillingAccount) -> tuple[Any, ...]:
    """Return the values of one row in the order of COLUMNS."""
    row = dict.fromkeys(COLUMNS) | dict(_values(charge, account=account))
    return tuple(row.values())


def _values(charge: VendorCharge, *, account: BillingAccount) -> Iterator[tuple[str, Any]]:
    yield from _account(charge, account=account)
    yield from _times(charge.day)
    yield from _amounts(charge)
    yield from {
        "ChargeCategory": "Credit" if charge.billed < 0 else "Usage",
        "ChargeDescription": charge.description,
        "ChargeFrequency": "Usage-Based",
        "PricingCategory": "Standard",
        "RegionId": charge.region,
        "RegionName": charge.region,
        "ResourceId": charge.resource_id,
        "ResourceType": charge.resource_type,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": charge.service,
        "ServiceSubcategory": "Generative AI",
        "SkuId": charge.meter,
        "SkuMeter": charge.meter,
        "Tags": {},
        "x_Model": charge.model,
        "x_User": charge.user,
    }.items()


def _account(charge: VendorCharge, *, account: BillingAccount) -> Iterator[tuple[str, Any]]:
    for column in ("InvoiceIssuerName", "ProviderName", "PublisherName"):
        yield column, account.vendor
    yield "BillingAccountId", account.id
    yield "BillingAccountName", account.id
    yield "BillingAccountType", account.type
    yield "SubAccountId", charge.account_id
    yield "SubAccountName", charge.account_name
    yield "SubAccountType", charge.account_type


def _times(day: date) -> Iterator[tuple[str, datetime]]:
    first = period_of(day)
    yield "BillingPeriodStart", _start(first)
    yield "BillingPeriodEnd", _start(period_of(first + timedelta(days=31)))
    yield "ChargePeriodStart", _start(day)
    yield "ChargePeriodEnd", _start(day + timedelta(days=1))


def _amounts(charge: VendorCharge) -> Iterator[tuple[str, Any]]:
    yield "BillingCurrency", charge.currency
    yield "PricingCurrency", charge.currency
    for column in ("BilledCost", "EffectiveCost"):
        yield column, charge.billed.quantize(PLACES)
    for column in ("ContractedCost", "ListCost"):
        yield column, charge.listed.quantize(PLACES)
    if charge.quantity is not None and charge.unit:
        for kind in ("Consumed", "Pricing"):
            yield f"{kind}Quantity", charge.quantity.quantize(PLACES)
            yield f"{kind}Unit", charge.unit


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001  the column is UTC and has no offset
