/*
title = "The bill by day, account, region and service"
why   = """
Whoever asks for the first charge of a region, for an account that fell asleep or for a series of daily costs needs
neither resources nor meters. This is daily_charges without them: a hundredth of its rows, made once a refresh.
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
