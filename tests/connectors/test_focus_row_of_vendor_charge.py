"""Rows of vendor charges meet the requirements of FOCUS 1.2: https://focus.finops.org/focus-specification/v1-2/"""

from datetime import date
from decimal import Decimal

import pytest

from focuswatch.connectors.focus_row_of_vendor_charge import COLUMNS, BillingAccount, focus_row
from focuswatch.connectors.vendor_charge_record import VendorCharge

# Columns with the feature level Mandatory: NEVER_NULL lists those that allow no null.
NEVER_NULL = (
    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory",
    "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost",
    "ProviderName", "PublisherName", "ServiceCategory", "ServiceName",
)  # fmt: skip
MANDATORY = (*NEVER_NULL, "BillingAccountName", "BillingAccountType", "ChargeClass", "ChargeDescription",
             "PricingQuantity", "PricingUnit")  # fmt: skip


def row(**changes):
    values = {
        "day": date(2026, 12, 31), "service": "OpenAI API", "meter": "gpt-4o, input", "description": "gpt-4o, input",
        "billed": Decimal("0.1"), "listed": Decimal("0.2"), "currency": "USD",
    }  # fmt: skip
    charge = VendorCharge(**{**values, **changes})
    return dict(zip(COLUMNS, focus_row(charge, account=BillingAccount("OpenAI", "org-example")), strict=True))


def test_mandatory_columns_are_present_and_filled():
    assert set(MANDATORY) <= set(COLUMNS)
    assert {column for column in NEVER_NULL if row()[column] is None} == set()


def test_amounts_are_exact_and_included_usage_is_in_list_and_contracted_cost_only():
    values = row(billed=Decimal("0.1"), listed=Decimal("0.2"))
    assert [values[f"{kind}Cost"] for kind in ("Billed", "Effective", "Contracted", "List")] == [
        Decimal("0.1"),
        Decimal("0.1"),
        Decimal("0.2"),
        Decimal("0.2"),
    ]


def test_the_billing_period_is_the_month_of_the_day():
    values = row(day=date(2026, 12, 31))
    shown = [str(values[name])[:10] for name in ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodEnd")]
    assert shown == ["2026-12-01", "2027-01-01", "2027-01-01"]


@pytest.mark.parametrize(("quantity", "unit"), [(None, "Tokens"), (Decimal(5), None)])
def test_a_quantity_without_unit_is_not_written(quantity, unit):
    """In FOCUS, the unit must be null if the quantity is null, and vice versa."""
    values = row(quantity=quantity, unit=unit)
    assert {values[f"{kind}{part}"] for kind in ("Consumed", "Pricing") for part in ("Quantity", "Unit")} == {
        None
    }


def test_a_negative_charge_is_a_credit():
    assert row(billed=Decimal(-1))["ChargeCategory"] == "Credit"
    assert row(billed=Decimal(0))["ChargeCategory"] == "Usage"
