/*
title = "GPU cost and utilization, last 30 days"
basis = "EffectiveCost of GPU usage, excluding purchases, unused commitments, credits and tax"
why   = """
The report covers the last 30 complete days (days whose charges no longer change). The report has one row for each GPU
instance or SageMaker endpoint, highest idle cost first. A GPU costs the same whether it is idle or busy. `idle_cost` is
an estimate: the cost multiplied by the share of time that the GPUs were idle. If the utilization of a resource was not
collected (`days_evaluated` is 0), `idle_cost` is empty.
"""
[parameters]
days = 75                      # the 30 complete days, and the incomplete days after them
[needs]
charges = "is_gpu"
columns = ["ResourceId"]
[offers]
cost = ["effective", "billed"]
limits = "Fees, credits and tax cannot be assigned to GPU hours."
*/
SELECT
    sub_account_id,
    resource_id,
    array_join(max_by(instance_types, charge_date) FILTER (WHERE instance_types IS NOT NULL), ', ') AS instance_types,
    count(utilization) AS days_evaluated,
    sum(gpu_hours) AS gpu_hours,
    sum(effective_cost) AS effective_cost,
    sum(gpu_hours * utilization) / sum(CASE WHEN utilization IS NOT NULL THEN gpu_hours END) AS mean_utilization,
    max(utilization) AS peak_utilization,
    sum(effective_cost * (1 - utilization / 100)) AS idle_cost
FROM gpu_days
CROSS JOIN complete_30_days
WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
    AND charge_date >= complete_30_days.first_day
    AND charge_date < complete_30_days.end_day
GROUP BY 1, 2
ORDER BY idle_cost DESC, effective_cost DESC, sub_account_id, resource_id
