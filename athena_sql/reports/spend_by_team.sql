/*
title = "Spend by team, last 30 days and the 30 days before"
basis = "EffectiveCost and BilledCost of usage and fees; BilledCost plus the separate columns for credits and tax equals the invoice"
why   = """
The report compares the last 30 complete days (days whose charges no longer change) with the previous 30 days. The
report allocates each charge to the first team that it finds in this order: the owner tag of the resource, the owner tag
of the account, and the owner of the account or its OU in owners.toml. Spend without a team appears in the row
`(unallocated)`. BilledCost is the amount on the invoice before credits and tax; EffectiveCost is the amortized cost.
"""
[offers]
limits = "EffectiveCost, BilledCost, credits and tax are separate columns of this report."
*/
SELECT
    coalesce(team, '(unallocated)') AS team,
    sum(effective_cost) AS effective_cost,
    sum(effective_cost_before) AS effective_cost_before,
    sum(billed_cost) AS billed_cost,
    sum(credits) AS credits,
    sum(tax) AS tax,
    count(DISTINCT sub_account_id) AS sub_accounts
FROM team_spend_30_days
GROUP BY 1
HAVING max(abs(effective_cost) + abs(effective_cost_before) + abs(billed_cost) + abs(credits) + abs(tax)) > 0
ORDER BY effective_cost DESC, team
