/*
title = "Spend of the last 30 settled days by team, against the 30 days before"
basis = "EffectiveCost, and BilledCost, of usage and fees; credits and tax as billed stand apart and complete the invoice"
why   = """
The owner chain over every charge: a resource's tag, else the account's tag, else the account or OU in owners.toml.
What no team owns stands under (unallocated). BilledCost is the invoice's basis, EffectiveCost what was used.
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
