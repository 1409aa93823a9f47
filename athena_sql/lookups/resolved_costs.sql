/*
title = "Remaining cost of resolved findings"
why   = """
If a finding is no longer reported, its cost was not necessarily saved: an idle endpoint may have been called once. This lookup reads
the cost of the finding's resource on the most recent settled days. If a finding has no service or region, all services or regions
are included; if it has no resource, only charges without a resource are included.
"""
reads = ["daily_charges", "completeness"]
[parameters]
resolved = []
newest_days = 3
*/
WITH resolved AS (
    SELECT *
    FROM (VALUES $resolved) AS given (fingerprint, sub_account_id, region_id, service_name, resource_id)
),
newest_days AS (
    SELECT sub_account_id, charge_date
    FROM completeness
    WHERE settled_recency <= $newest_days
)
SELECT
    resolved.fingerprint,
    sum(charges.EffectiveCost) / CAST($newest_days AS double) AS daily_cost
FROM resolved
INNER JOIN daily_charges AS charges
    ON charges.SubAccountId IS NOT DISTINCT FROM resolved.sub_account_id
    AND (resolved.region_id IS NULL OR charges.RegionId = resolved.region_id)
    AND (resolved.service_name IS NULL OR charges.ServiceName = resolved.service_name)
    AND charges.ResourceId IS NOT DISTINCT FROM resolved.resource_id
INNER JOIN newest_days
    ON charges.SubAccountId IS NOT DISTINCT FROM newest_days.sub_account_id
    AND charges.charge_date = newest_days.charge_date
WHERE charges.ChargeCategory = 'Usage'
GROUP BY resolved.fingerprint
ORDER BY resolved.fingerprint
