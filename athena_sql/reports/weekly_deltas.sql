/*
title = "Week-over-week changes by account, Region and service"
basis = "EffectiveCost of usage, excluding fees, credits and tax"
why   = """
The report compares the last seven complete days (days whose charges no longer change) with the previous seven days. The
rows with the largest changes come first. The report excludes incomplete days, because missing charges would look like
savings.
"""
[parameters]
days = 7
most = 40
[needs]
history_days = 14
[offers]
cost = ["effective", "billed"]
charges = ["usage"]
more = ["fees", "credits", "tax"]
*/
WITH weeks AS (
    SELECT
        charges.SubAccountId,
        charges.RegionId,
        charges.ServiceName,
        max(charges.SubAccountName) AS sub_account_name,
        sum(CASE WHEN completeness.settled_recency <= $days THEN charges.EffectiveCost ELSE 0 END) AS effective_cost,
        sum(CASE WHEN completeness.settled_recency > $days THEN charges.EffectiveCost ELSE 0 END) AS effective_cost_before
    FROM daily_services AS charges
    INNER JOIN completeness
        ON charges.SubAccountId IS NOT DISTINCT FROM completeness.sub_account_id
        AND charges.charge_date = completeness.charge_date
    WHERE completeness.settled_recency <= 2 * $days
        AND charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * (2 * $days + 14) AS date)
        AND coalesce(charges.ChargeCategory, 'Usage') NOT IN ('Tax', 'Credit', 'Purchase')  -- usage as in owned_days
        AND coalesce(charges.ChargeFrequency, 'Usage-Based') NOT IN ('Recurring', 'One-Time')
    GROUP BY 1, 2, 3
)
SELECT
    SubAccountId AS sub_account_id,
    sub_account_name,
    RegionId AS region_id,
    ServiceName AS service_name,
    effective_cost,
    effective_cost_before,
    effective_cost - effective_cost_before AS movement
FROM weeks
WHERE abs(effective_cost - effective_cost_before) >= 0.01
ORDER BY abs(effective_cost - effective_cost_before) DESC, sub_account_id, region_id, service_name
LIMIT $most
