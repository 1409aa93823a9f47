"""Fetch the GitHub Copilot charges of an organization, seats and usage, from its billing usage report.

https://docs.github.com/rest/billing/usage#get-billing-usage-report-for-an-organization

The reports of AI credits and premium requests are not read, because they contain the same charges by model. No report
of an organization contains users.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from pydantic import BaseModel, Field

from focuswatch.connectors.daily_bucket_pages import days_of
from focuswatch.connectors.vendor_api import VendorApi
from focuswatch.connectors.vendor_charge_record import Fetched, VendorCharge

GITHUB, COPILOT = "GitHub", "GitHub Copilot"
GITHUB_URL = "https://api.github.com"
GITHUB_KEY = "GITHUB_BILLING_TOKEN"
KEY_HELP = "Use a token that an organization owner created and that has the permission Administration (read)."
API_VERSION = "2022-11-28"
REPORT = "/settings/billing/usage"  # relative to the organization's URL
PRODUCT = "copilot"
CURRENCY = "USD"


class UsageItem(BaseModel):
    """The usage of one SKU on the requested day, by repository if it has one."""

    product: str
    sku: str
    quantity: Decimal
    unit: str = Field(alias="unitType")
    gross_amount: Decimal = Field(alias="grossAmount")
    net_amount: Decimal = Field(alias="netAmount")
    organization: str | None = Field(None, alias="organizationName")
    repository: str | None = Field(None, alias="repositoryName")


class BillingUsage(BaseModel):
    """The report; `usageItems` can be missing if there is no usage."""

    items: list[UsageItem] = Field(default_factory=list, alias="usageItems")


def github_api(key: str, *, url: str) -> VendorApi:
    """Return the GitHub API for a token; `url` is the URL of the organization."""
    return VendorApi(
        GITHUB,
        url,
        key_variable=GITHUB_KEY,
        key=key,
        key_help=KEY_HELP,
        headers={
            "Authorization": f"Bearer {key}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": API_VERSION,
        },
    )


def fetch_copilot(api: VendorApi, *, first: date, until: date) -> Fetched:
    """Return the charges of the days [first, until), one request per day: a longer report can have monthly sums."""
    charges = [
        _copilot_charge(day, item)
        for day in days_of(first, until)
        for item in api.get(REPORT, _parameters(day), shape=BillingUsage).items
        if item.product.lower() == PRODUCT
    ]
    return Fetched(charges=tuple(charges))


def _parameters(day: date) -> Mapping[str, int]:
    return {"year": day.year, "month": day.month, "day": day.day}


def _copilot_charge(day: date, item: UsageItem) -> VendorCharge:
    return VendorCharge(
        day=day,
        service=COPILOT,
        meter=item.sku,
        description=item.sku,
        billed=item.net_amount,
        listed=item.gross_amount,
        currency=CURRENCY,
        quantity=item.quantity,
        unit=item.unit.title(),
        account_id=item.organization,
        account_name=item.organization,
        account_type="Organization" if item.organization else None,
        resource_id=item.repository or None,
        resource_type="Repository" if item.repository else None,
    )
