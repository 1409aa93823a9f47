"""The FOCUS columns that focuswatch reads, in FOCUS 1.2 terms: their kinds, and their names in files of other versions.

Column names match in any case. `focus_export` has these columns and types for every FOCUS version, provider and file
format; focus_column_expressions derives them from the columns of a file.
"""

import re
from collections.abc import Sequence
from typing import Literal

Kind = Literal["text", "number", "time", "tags"]

SQL_TYPES: dict[Kind, str] = {
    "text": "VARCHAR",
    "number": "DOUBLE",
    "time": "TIMESTAMP",
    "tags": "MAP(VARCHAR, VARCHAR)",
}
TEXTS = (
    "ProviderName",
    "BillingCurrency",
    "SubAccountId",
    "RegionId",
    "ServiceName",
    "SkuMeter",
    "x_Operation",
    "ResourceId",
    "ChargeCategory",
    "ChargeClass",
    "ChargeFrequency",
    "PricingCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountStatus",
    "CapacityReservationId",
    "ConsumedUnit",
    "PricingUnit",
    "SubAccountName",
    "x_ServiceCode",
    "ServiceCategory",
    "PublisherName",
    "CommitmentDiscountType",
    "CommitmentDiscountName",
)
MOSTLY_NULL = (
    "ChargeClass",
    "CommitmentDiscountId",
    "CommitmentDiscountStatus",
    "CapacityReservationId",
    "ResourceId",
    "RegionId",
)
# Impossible quantities do not cause a file to be rejected, unlike impossible costs: see
# query_period_facts_and_export_grain.
QUANTITIES = ("ConsumedQuantity", "PricingQuantity")
NUMBERS = ("BilledCost", "EffectiveCost", *QUANTITIES)
TIMES = ("ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart")
# A billing period starts at midnight in the provider's time zone: in Shanghai, May starts at 2026-04-30T16:00:00Z. The
# easternmost time zone is 14 hours ahead of UTC.
# https://support.huaweicloud.com/intl/en-us/usermanual-cost/costcenter_000002_03_07.html
FARTHEST_EAST_HOURS = 14

KINDS: dict[str, Kind] = {
    **dict.fromkeys(TIMES, "time"),
    **dict.fromkeys(TEXTS, "text"),
    **dict.fromkeys(NUMBERS, "number"),
    "Tags": "tags",
}
REQUIRED = (
    "BilledCost",
    "BillingCurrency",
    "ChargeCategory",
    "ChargePeriodStart",
    "EffectiveCost",
    "ServiceName",
)
# FOCUS requires these only of providers that have regions, resources, sub accounts or metered usage, as AWS has.
# https://focus.finops.org/focus-specification/v1-2/ (feature level Conditional)
REQUIRED_OF_AWS = ("ConsumedQuantity", "RegionId", "ResourceId", "SubAccountId")
# Columns that replace those of sub accounts for a provider that has only billing accounts.
WITHOUT_SUB_ACCOUNTS = {"SubAccountId": "BillingAccountId", "SubAccountName": "BillingAccountName"}
# The columns with the same meaning, such as renamed ones, in order of preference; the first one with a value is used.
SOURCES = {
    # AWS (x_UsageType) and Azure (x_SkuMeterName) had their own columns before FOCUS had SkuMeter. ChargeDescription is
    # used only if a file has none of these: Google writes the SKU in it, LiteLLM the model.
    "SkuMeter": ("SkuMeter", "x_UsageType", "x_SkuMeterName", "ChargeDescription"),
    # FOCUS 1.3 names the seller instead of the marketplace. Everything that AWS invoices counts as an AWS charge,
    # including models of other vendors.
    # https://github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec, appendix/entity_identification.md, scenario 3.1
    "ProviderName": ("ProviderName", "InvoiceIssuerName", "ServiceProviderName"),
}
SELLER = "serviceprovidername"
METERS = ("SkuMeter", "x_UsageType", "x_SkuMeterName")
# FOCUS display names that differ from the column name by more than spaces; some exporters write them.
DISPLAY_NAMES = {
    "provider": "providername",
    "publisher": "publishername",
    "invoiceissuer": "invoiceissuername",
    "serviceprovider": "serviceprovidername",
    "hostprovider": "hostprovidername",
}
SEPARATORS = re.compile(r"[\s_-]+")
READ: dict[str, Kind] = {
    name.lower(): kind for column, kind in KINDS.items() for name in SOURCES.get(column, (column,))
}
READ |= {name.lower(): "text" for name in WITHOUT_SUB_ACCOUNTS.values()}
# These columns are read, but not as columns of `focus_export`: see focuswatch.bill.ingest.exchange_rates_from_costs.
PRICING_CURRENCY, PRICING_COST = "pricingcurrency", "pricingcurrencyeffectivecost"
READ |= {PRICING_CURRENCY: "text", PRICING_COST: "number"}
# FOCUS 1.3: the tags of the part of a resource to which a split charge is allocated; Tags are those of the whole
# resource. The split charges replace the original charge and add up to it.
# https://focus.finops.org/focus-specification/v1-3/#datagenerator-calculatedsplitcostallocationhandling
ALLOCATED_TAGS = "allocatedtags"
READ |= {ALLOCATED_TAGS: "tags"}
INVOICE = "InvoiceId"  # only in delivered files, not in tables; see focuswatch.bill.query_invoices_and_their_charges
READ |= {INVOICE.lower(): "text"}
MARKS_OF_1_4 = ("InvoiceDetailId", "CommitmentProgramEligibilityDetails")
MARKS_OF_1_3 = ("ServiceProviderName", "HostProviderName", "AllocatedMethodId", "ContractApplied")
MARKS_OF_1_2 = ("SkuMeter", "InvoiceId", "PricingCurrency", "SubAccountType")


def canonical(name: str) -> str:
    """Return the canonical form of a column name: `BilledCost`, `billedcost` and `billed_cost` are one column."""
    lowered = name.strip().lower()
    if lowered in READ:
        return lowered
    extension, *words = SEPARATORS.split(lowered)
    if extension == "x":
        return "x_" + "".join(words)
    joined = extension + "".join(words)
    return DISPLAY_NAMES.get(joined, joined)


def own_names(names: Sequence[str]) -> dict[str, str]:
    """Return the file's own name of every FOCUS column that is read, by canonical name.

    The spelling of the specification takes precedence. Raises ValueError naming two columns if neither has it.
    """
    names_by_column: dict[str, str] = {}
    for name in names:
        column = canonical(name)
        previous = names_by_column.get(column)
        if column not in READ or (previous and previous.strip().lower() == column):
            continue
        if previous and name.strip().lower() != column:
            raise ValueError(f"{previous} and {name}")
        names_by_column[column] = name
    return names_by_column


def sources(column: str) -> tuple[str, ...]:
    """Return the names under which a file may have `column`, the preferred one first."""
    return SOURCES.get(column, (column,))


def focus_version(names: set[str]) -> str:
    """Return the version that canonical column names indicate: `1.0`, `1.2`, `1.3` or `1.4`; 1.1 counts as 1.2.

    FOCUS 1.4 removed ProviderName, which 1.3 still requires beside ServiceProviderName.
    """
    if any(mark.lower() in names for mark in MARKS_OF_1_4):
        return "1.4"
    if SELLER in names and "providername" not in names:
        return "1.4"
    if any(mark.lower() in names for mark in MARKS_OF_1_3):
        return "1.3"
    return "1.2" if any(mark.lower() in names for mark in MARKS_OF_1_2) else "1.0"
