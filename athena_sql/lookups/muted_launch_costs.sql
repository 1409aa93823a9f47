/*
title = "Planned launch cost above the baseline"
why   = """
Anomaly detections do not report the planned cost of a launch. For each combination of launch, account and service, the
query returns the highest planned cost of a single day in the last seven days. The planned cost is the part of the cost
between the baseline and `factor` times the baseline. owners.toml sets `factor` for each launch. The detections
token_burst and cost_anomaly report any cost above `factor` times the baseline.
"""
reads = ["launch_days", "accounts"]
[parameters]
last_days = 7
least_daily_cost_usd = 1.0     # minimum planned cost of a launch; launches with a lower planned cost are not listed
*/
WITH launched_days AS (
    SELECT
        use_case,
        first_day,
        last_day,
        factor,
        sub_account_id,
        service_name,
        charge_date,
        sum(effective_cost) AS effective_cost,
        max(own_cost) AS own_cost,
        max(baseline_cost) AS baseline_cost
    FROM launch_days
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $last_days AS date)
        AND charge_date < $as_of
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
planned_days AS (
    SELECT
        *,
        least(greatest(effective_cost - own_cost, 0), (factor - 1) * baseline_cost) AS planned_cost
    FROM launched_days
)
SELECT
    planned_days.use_case,
    planned_days.first_day,
    planned_days.last_day,
    planned_days.factor,
    planned_days.sub_account_id,
    accounts.name AS sub_account_name,
    planned_days.service_name,
    max(planned_days.planned_cost) AS daily_cost,
    max(planned_days.effective_cost / nullif(planned_days.baseline_cost, 0)) AS ratio
FROM planned_days
LEFT JOIN accounts ON planned_days.sub_account_id = accounts.sub_account_id
GROUP BY 1, 2, 3, 4, 5, 6, 7
HAVING max(round(planned_days.planned_cost, 6)) >= $least_daily_cost_usd
ORDER BY daily_cost DESC, use_case, first_day, sub_account_id, service_name
