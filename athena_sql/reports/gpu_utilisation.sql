/*
title = "GPUs of the last 30 days: what they cost, and how much of the time they did anything"
basis = "EffectiveCost of GPU usage, without purchases, unused commitments, credits and tax"
why   = """
A GPU costs the same whether it computes or waits. One line a machine or endpoint, costliest idleness first;
`idle_cost` is an estimate: the cost of the share of time in which its GPUs did nothing. Where nobody looked at its
utilization (days_looked_at 0) there is none.
"""
[parameters]
days = 30
*/
SELECT
    sub_account_id,
    resource_id,
    array_join(max_by(instance_types, charge_date) FILTER (WHERE instance_types IS NOT NULL), ', ') AS instance_types,
    count(utilization) AS days_looked_at,
    sum(gpu_hours) AS gpu_hours,
    sum(effective_cost) AS effective_cost,
    sum(gpu_hours * utilization) / sum(CASE WHEN utilization IS NOT NULL THEN gpu_hours END) AS mean_utilization,
    max(utilization) AS peak_utilization,
    sum(effective_cost * (1 - utilization / 100)) AS idle_cost
FROM gpu_days
WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
    AND charge_date < $as_of
GROUP BY 1, 2
ORDER BY idle_cost DESC, effective_cost DESC, sub_account_id, resource_id
