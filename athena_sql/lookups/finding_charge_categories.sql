/*
title = "Charges of a finding by category"
why   = """
focuswatch computes cost drivers from usage charges. If a finding has no usage charges, this query returns the other
charges on the days of the finding: purchases, recurring fees, tax and credits. The query returns the billed cost and
the effective cost of each category.
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
