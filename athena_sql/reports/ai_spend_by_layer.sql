/*
title = "AI spend by layer, last 30 days and the 30 days before"
basis = "EffectiveCost of AI services and user subscriptions: usage, excluding fees, credits and tax"
why   = """
The report compares the last 30 complete days (days whose charges no longer change) with the previous 30 days. The
report groups AI spend into five layers: model inference, retrieval, orchestration and compute, observability, and tools
and data. Token spend gets most of the attention, but the cost of vector stores, compute and logs often grows
faster.
"""
[parameters]
days = 105                     # the two periods of 30 complete days, and the incomplete days after them
[needs]
charges = "ai_family IS NOT NULL"
[offers]
cost = ["effective", "billed"]
charges = ["usage"]
more = ["fees", "credits", "tax"]
*/
SELECT
    layer,
    sum(CASE WHEN charge_date >= complete_30_days.first_day THEN EffectiveCost ELSE 0 END) AS effective_cost,
    sum(CASE WHEN charge_date < complete_30_days.first_day THEN EffectiveCost ELSE 0 END) AS effective_cost_before,
    sum(CASE WHEN charge_date >= complete_30_days.first_day AND bedrock_filter THEN EffectiveCost ELSE 0 END)
        AS seen_by_bedrock_filter,
    count(DISTINCT SubAccountId) AS sub_accounts
FROM ai_layer_charges
CROSS JOIN complete_30_days
WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
    AND charge_date >= complete_30_days.first_day_before
    AND charge_date < complete_30_days.end_day
GROUP BY 1
ORDER BY effective_cost DESC, layer
