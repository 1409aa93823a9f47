/*
title = "Daily charges of the export, with FOCUS 1.2 columns"
why   = """
The raw export has a row for each hour and price list item. This table contains the same charges by day, and detections
read this table instead of the export. `charge_last_date` is the last day of the charge period. For a monthly fee, this
is the last day of the month; for an hourly charge, this is the day that contains the hour. The unit columns are part of
the key, because quantities in different units must not be added together. The table also contains the account name, the
commitment name, the service code and the service category, which have only one value for each combination of key
columns.
"""
reads = ["focus_export"]
*/
SELECT
    CAST(ChargePeriodStart AS date) AS charge_date,
    CASE
        WHEN ChargePeriodEnd > ChargePeriodStart THEN CAST(ChargePeriodEnd - INTERVAL '1' SECOND AS date)
        ELSE CAST(ChargePeriodStart AS date)
    END AS charge_last_date,                               -- inclusive; ChargePeriodEnd is not
    CAST(date_trunc('month', BillingPeriodStart) AS date) AS billing_period,
    ProviderName,
    BillingCurrency,
    SubAccountId,
    RegionId,
    ServiceName,
    SkuMeter,
    x_Operation,
    ResourceId,
    ChargeCategory,
    ChargeClass,
    ChargeFrequency,
    PricingCategory,
    CommitmentDiscountId,
    CommitmentDiscountStatus,
    CapacityReservationId,
    ConsumedUnit,
    PricingUnit,
    Tags,
    any_value(SubAccountName) AS SubAccountName,
    any_value(x_ServiceCode) AS x_ServiceCode,
    any_value(ServiceCategory) AS ServiceCategory,
    any_value(PublisherName) AS PublisherName,
    any_value(CommitmentDiscountType) AS CommitmentDiscountType,
    any_value(CommitmentDiscountName) AS CommitmentDiscountName,
    sum(BilledCost) AS BilledCost,
    sum(EffectiveCost) AS EffectiveCost,
    sum(ConsumedQuantity) AS ConsumedQuantity,
    sum(PricingQuantity) AS PricingQuantity,
    count(*) AS charges
FROM focus_export
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21
