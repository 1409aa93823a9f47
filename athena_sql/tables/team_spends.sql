/*
title = "What each team spent in the last 30 days, and in the 30 before, by account and service"
why   = """
The owner chain over every charge, as owned_days has it: `team` is null where nobody owns it; `tag_value` is what the
tags say, whether owners.toml knows that name or not.
BilledCost is the invoice's basis, EffectiveCost what was used.
"""
reads = ["owned_days"]
[parameters]
days = 30
*/
SELECT
    sub_account_id,
    service_name,
    team,
    tag_value,
    sum(CASE WHEN charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date) THEN effective_cost ELSE 0 END)
        AS effective_cost,
    sum(CASE WHEN charge_date < CAST($as_of - INTERVAL '1' DAY * $days AS date) THEN effective_cost ELSE 0 END)
        AS effective_cost_before,
    sum(CASE WHEN charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date) THEN billed_cost ELSE 0 END)
        AS billed_cost
FROM owned_days
WHERE charge_date >= CAST($as_of - INTERVAL '2' DAY * $days AS date)
GROUP BY 1, 2, 3, 4
