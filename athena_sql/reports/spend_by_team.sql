/*
title = "Spend of the last 30 days by team, against the 30 days before"
why   = """
The owner chain over every charge: a resource's tag, else the account's tag, else the account or OU in owners.toml.
What nobody owns stands under (nobody). BilledCost is the invoice's basis, EffectiveCost what was used.
"""
*/
SELECT
    coalesce(team, '(nobody)') AS team,
    sum(effective_cost) AS effective_cost,
    sum(effective_cost_before) AS effective_cost_before,
    sum(billed_cost) AS billed_cost,
    count(DISTINCT sub_account_id) AS sub_accounts
FROM team_spends
GROUP BY 1
ORDER BY effective_cost DESC, team
