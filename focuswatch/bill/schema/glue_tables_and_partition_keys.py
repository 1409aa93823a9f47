"""Define the Glue tables, their columns and their partition keys.

The types of `focus_export` are those of AWS's own table over the same export:
https://github.com/aws-solutions-library-samples/cloud-intelligence-dashboards-data-collection
(data-exports-aggregation.yaml)
"""

from focuswatch.bill.schema import columns_of_all_tables

GLUE_TYPES = {
    "VARCHAR": "string",
    "DOUBLE": "double",
    "BIGINT": "bigint",
    "INTEGER": "int",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "MAP(VARCHAR, VARCHAR)": "map<string,string>",
}
# FOCUS 1.2 with AWS columns: https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-focus-1-2-aws.html
EXPORT_COLUMNS = [
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
]
NUMBERS = ("Cost", "Quantity", "UnitPrice")
TIMES = ("BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart")
MAPS = {
    "SkuPriceDetails": "map<string,string>",
    "Tags": "map<string,string>",
    "x_Discounts": "map<string,double>",
}

# The tables that a refresh replaces by billing period.
PERIOD_TABLES = ("daily_charges", *columns_of_all_tables.KEPT_TABLES)
PERIOD_KEY = "period"  # partition key of these tables, with values such as `2026-05`


def _export_type(column: str) -> str:
    if column in MAPS:
        return MAPS[column]
    if column in TIMES:
        return "timestamp"
    return "double" if column.endswith(NUMBERS) else "string"


def glue_columns(table: dict[str, str]) -> list[tuple[str, str]]:
    """Return a table's columns for Glue, with lower-case names and Glue types."""
    return [(name.lower(), GLUE_TYPES[type_]) for name, type_ in table.items()]


GLUE_TABLES: dict[str, list[tuple[str, str]]] = {
    "focus_export": [(name.lower(), _export_type(name)) for name in EXPORT_COLUMNS],
    "daily_charges": glue_columns(columns_of_all_tables.DAILY_CHARGES),
    # The daily_charges of a refresh that is still running.
    "refreshed_charges": glue_columns(columns_of_all_tables.DAILY_CHARGES),
    **{name: glue_columns(shape) for name, shape in columns_of_all_tables.KEPT_TABLES.items()},
    "deliveries": glue_columns(columns_of_all_tables.DELIVERIES),
    "activity": [pair for pair in glue_columns(columns_of_all_tables.ACTIVITY) if pair[0] != "activity_date"],
    "token_hours": [
        pair for pair in glue_columns(columns_of_all_tables.TOKEN_HOURS) if pair[0] != "token_date"
    ],
    "accounts": glue_columns(columns_of_all_tables.ACCOUNTS),
    "account_history": glue_columns(columns_of_all_tables.ACCOUNT_HISTORY),
    "events": glue_columns(columns_of_all_tables.EVENTS),
    "ai_links": glue_columns(columns_of_all_tables.AI_LINKS),
    "invocation_tokens": [
        pair for pair in glue_columns(columns_of_all_tables.INVOCATION_TOKENS) if pair[0] != "usage_date"
    ],
    "principal_export": glue_columns(columns_of_all_tables.PRINCIPAL_EXPORT),
    "principal_charges": glue_columns(columns_of_all_tables.PRINCIPAL_CHARGES),
    **{name: glue_columns(shape) for name, shape in columns_of_all_tables.OWNERS.items()},
    "known_findings": glue_columns(columns_of_all_tables.KNOWN_FINDINGS),
    "recommendations": glue_columns(columns_of_all_tables.RECOMMENDATIONS),
    "forecasts": glue_columns(columns_of_all_tables.FORECASTS),
}
PARTITION_KEYS: dict[str, tuple[str, str]] = {
    "focus_export": ("billing_period", "string"),
    "principal_export": ("billing_period", "string"),
    **dict.fromkeys((*PERIOD_TABLES, "refreshed_charges", "principal_charges"), (PERIOD_KEY, "string")),
    "activity": ("activity_date", "date"),
    "invocation_tokens": ("usage_date", "date"),
    "token_hours": ("token_date", "date"),
}
