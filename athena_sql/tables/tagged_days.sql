/*
title = "Charges by day, account, service and tags"
why   = """
For reports that allocate cost by team, use case or intent. It has no regions, resources or meters and is stored at each refresh.
If every resource has its own tags, it has as many rows as the bill has resources and days.
"""
reads = ["folded_charges"]
*/
SELECT
    charge_date,
    billing_period,
    BillingCurrency,
    SubAccountId,
    ServiceName,
    ChargeCategory,
    ChargeFrequency,
    Tags,
    sum(BilledCost) AS BilledCost,
    sum(EffectiveCost) AS EffectiveCost,
    CAST(sum(charges) AS bigint) AS charges
FROM folded_charges
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
