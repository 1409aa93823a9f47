"""The 60 columns of FOCUS 1.2 with AWS columns, in the order in which AWS exports them, and their types.

https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-focus-1-2-aws.html
The simulator does not import the columns of focuswatch.bill: a mistake there must not also be in the simulated bill.
"""

COLUMNS = (
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "CommitmentDiscountStatus",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingCurrency",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "SkuPriceDetails",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
    "x_Discounts",
    "x_Operation",
    "x_ServiceCode",
)
TIMESTAMPS = ("BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart")
DOUBLES = (
    "BilledCost",
    "CommitmentDiscountQuantity",
    "ConsumedQuantity",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "ListCost",
    "ListUnitPrice",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
)
# Map columns by the type of their values; the keys are strings.
MAPS = {"SkuPriceDetails": "VARCHAR", "Tags": "VARCHAR", "x_Discounts": "DOUBLE"}


def sql_type(column: str) -> str:
    """Return the column's type in DuckDB."""
    if column in MAPS:
        return f"MAP(VARCHAR, {MAPS[column]})"
    if column in TIMESTAMPS:
        return "TIMESTAMP_MS"
    return "DOUBLE" if column in DOUBLES else "VARCHAR"


def manifest_type(column: str) -> str:
    """Return the column's type in a manifest of Data Exports."""
    words = {"TIMESTAMP_MS": "timestamp", "DOUBLE": "double", "VARCHAR": "string"}
    if column in MAPS:
        return f"map<string,{words[MAPS[column]]}>"
    return words[sql_type(column)]
