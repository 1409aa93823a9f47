/*
title = "Spend by team, last 30 settled days compared with the previous 30 days"
basis = "EffectiveCost and BilledCost of usage and fees; BilledCost plus the separate columns for credits and tax equals the invoice"
why   = """
Each charge is allocated by the resource's tag. If the resource has no tag, the account's tag is used, then the account or OU
in owners.toml. Spend that has no team is listed as (unallocated). BilledCost matches the invoice; EffectiveCost is the
amortized cost of usage.
"""
*/
SELECT
    coalesce(team, '(unallocated)') AS team,
    sum(effective_cost) AS effective_cost,
    sum(effective_cost_before) AS effective_cost_before,
    sum(billed_cost) AS billed_cost,
    sum(credits) AS credits,
    sum(tax) AS tax,
    count(DISTINCT sub_account_id) AS sub_accounts
FROM team_spends
GROUP BY 1
HAVING max(abs(effective_cost) + abs(effective_cost_before) + abs(billed_cost) + abs(credits) + abs(tax)) > 0
ORDER BY effective_cost DESC, team
