/*
title = "Daily charges by account, Region and service"
why   = """
Detections that do not need resources or meters read this table. Examples are the detections for first charges and
dormant accounts. The table has about 1% as many rows as the table daily_charges. focuswatch stores the table at each
refresh, so queries do not need to recompute it.
"""
reads = ["daily_charges"]
*/
SELECT
    charge_date,
    charge_last_date,
    billing_period,
    ProviderName,
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
    max(CommitmentDiscountType) AS CommitmentDiscountType,
    max(CommitmentDiscountName) AS CommitmentDiscountName,
    bool_or(ConsumedQuantity > 0) AS is_consumed,
    sum(BilledCost) AS BilledCost,
    sum(EffectiveCost) AS EffectiveCost,
    CAST(sum(charges) AS bigint) AS charges
FROM daily_charges
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
