/*
title = "The export by day, in FOCUS 1.2 vocabulary"
why   = """
The raw export has a row for every hour and every line of the price list. A detection asks about days.
`charge_last_date` is the last day of the charge's period: a month's fee in one row has the month's, an hour its own day.
Units stand in the key, because quantities in different units must never be added.
Names that follow from the key (the account's, the commitment's, the service's code) are carried along.
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
    any_value(PublisherName) AS PublisherName,
    any_value(CommitmentDiscountType) AS CommitmentDiscountType,
    any_value(CommitmentDiscountName) AS CommitmentDiscountName,
    sum(BilledCost) AS BilledCost,
    sum(EffectiveCost) AS EffectiveCost,
    sum(ListCost) AS ListCost,
    sum(ContractedCost) AS ContractedCost,
    sum(ConsumedQuantity) AS ConsumedQuantity,
    sum(PricingQuantity) AS PricingQuantity,
    count(*) AS charges
FROM focus_export
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21
