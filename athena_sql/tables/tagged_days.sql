/*
title = "The bill by day, account, service and tags"
why   = """
Who owns a charge and what it is for follows from its tags and its account. This is daily_charges without regions,
resources and meters, made once a refresh: whoever splits money by team, use case or intent reads this.
Where every resource has tags of its own it is as long as the bill is by resource and day.
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
