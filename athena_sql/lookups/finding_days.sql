/*
title = "Daily cost of resources with findings"
why   = """
The report page shows a chart of the daily cost for each anomaly. If a finding has no Region, the chart includes the
charges for all Regions of the account. If a finding has no service or no resource, the chart likewise includes the
charges for all services or all resources.
"""
reads = ["daily_charges"]
[parameters]
findings = []
days = 60
*/
WITH findings AS (
    SELECT *
    FROM (VALUES $findings) AS given (fingerprint, sub_account_id, region_id, service_name, resource_id)
)
SELECT
    findings.fingerprint,
    charges.charge_date,
    sum(charges.EffectiveCost) AS effective_cost
FROM findings
INNER JOIN daily_charges AS charges
    ON charges.SubAccountId IS NOT DISTINCT FROM findings.sub_account_id
    AND (findings.region_id IS NULL OR charges.RegionId = findings.region_id)
    AND (findings.service_name IS NULL OR charges.ServiceName = findings.service_name)
    AND (findings.resource_id IS NULL OR charges.ResourceId = findings.resource_id)
WHERE charges.ChargeCategory = 'Usage'
    AND charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
    AND charges.charge_date < $as_of
GROUP BY 1, 2
ORDER BY 1, 2
