/*
title = "Which kinds of charges a finding's days have"
why   = """
Usage alone is broken down into cost drivers. Where a finding's days have no usage, this states what they do have: a
purchase, a recurring fee, tax or a credit, each with what is billed and what is effective.
"""
reads = ["daily_charges"]
[parameters]
rises = []
first_day = 2000-01-01
end_day = 2000-01-01
*/
WITH rises AS (
    SELECT *
    FROM (VALUES $rises) AS given (fingerprint, sub_account_id, region_id, service_name, resource_id)
)
SELECT
    rises.fingerprint,
    charges.ChargeCategory AS charge_category,
    charges.ChargeFrequency AS charge_frequency,
    sum(charges.BilledCost) AS billed_cost,
    sum(charges.EffectiveCost) AS effective_cost
FROM rises
INNER JOIN daily_charges AS charges
    ON charges.SubAccountId IS NOT DISTINCT FROM rises.sub_account_id
    AND (rises.region_id IS NULL OR charges.RegionId = rises.region_id)
    AND (rises.service_name IS NULL OR charges.ServiceName = rises.service_name)
    AND (rises.resource_id IS NULL OR charges.ResourceId = rises.resource_id)
WHERE charges.charge_date >= $first_day
    AND charges.charge_date < $end_day
GROUP BY 1, 2, 3
ORDER BY rises.fingerprint, billed_cost DESC, charge_category, charge_frequency
