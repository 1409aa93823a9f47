/*
title = "Cost of findings in a month, and daily cost before each finding"
why   = """
The month close shows how much each incident that started during the month added to the cost of the month, because the
forecast does not include this cost. `cost` is the BilledCost for the finding's account, Region, service and resource,
from the first to the last day of the finding within the month. `daily_cost_before` is the average daily BilledCost for
the same account, Region, service and resource before the finding started.
"""
reads = ["daily_charges", "completeness"]
[parameters]
findings = []
days_before = 28
first_day = 2026-01-01         # a day before the first day of the earliest finding
*/
WITH findings AS (
    SELECT *
    FROM (VALUES $findings)
        AS given (fingerprint, sub_account_id, region_id, service_name, resource_id, from_date, to_date)
),
bills AS (
    SELECT min(charge_date) AS first_charge_date FROM completeness
)
SELECT
    findings.fingerprint,
    sum(CASE WHEN charges.charge_date >= findings.from_date THEN charges.BilledCost ELSE 0 END) AS cost,
    sum(CASE WHEN charges.charge_date < findings.from_date THEN charges.BilledCost ELSE 0 END)
        / nullif(CAST(max(least($days_before, date_diff('day', bills.first_charge_date, findings.from_date))) AS double), 0)
        AS daily_cost_before
FROM findings
CROSS JOIN bills
INNER JOIN daily_charges AS charges
    ON charges.SubAccountId IS NOT DISTINCT FROM findings.sub_account_id
    AND (findings.region_id IS NULL OR charges.RegionId = findings.region_id)
    AND (findings.service_name IS NULL OR charges.ServiceName = findings.service_name)
    AND (findings.resource_id IS NULL OR charges.ResourceId = findings.resource_id)
    AND charges.charge_date < findings.to_date
    AND date_diff('day', charges.charge_date, findings.from_date) <= $days_before
WHERE charges.ChargeCategory IN ('Usage', 'Purchase')
    AND date_diff('day', charges.charge_date, $first_day) <= $days_before
GROUP BY findings.fingerprint
ORDER BY findings.fingerprint
