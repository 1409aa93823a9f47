/*
title = "Charges by day, account, region and service"
why   = """
Detections that need neither resources nor meters read this table, for example those of first charges, dormant accounts and daily
cost. The table has about a hundredth of the rows of daily_charges. Each refresh stores it.
"""
reads = ["daily_charges"]
*/
SELECT
    charge_date,
    billing_period,
    BillingCurrency,
    SubAccountId,
    SubAccountName,
    RegionId,
    ServiceName,
    ChargeCategory,
    ChargeClass,
    ChargeFrequency,
    CommitmentDiscountId,
    CommitmentDiscountStatus,
    is_edge,
    bool_or(ConsumedQuantity > 0) AS is_consumed,
    sum(BilledCost) AS BilledCost,
    sum(EffectiveCost) AS EffectiveCost,
    CAST(sum(charges) AS bigint) AS charges
FROM daily_charges
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
