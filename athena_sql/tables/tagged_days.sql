/*
title = "Daily charges by account, service and tags"
why   = """
Reports that allocate cost by team, use case or intent read this table. The table does not have columns for Region,
resource or meter. focuswatch stores the table at each refresh, so queries do not need to recompute it. If every
resource has different tags, the table is large, because it has one row per resource and day.
"""
reads = ["folded_charges"]
*/
SELECT
    charge_date,
    billing_period,
    ProviderName,
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
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
