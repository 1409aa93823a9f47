/*
title = "What planned launches keep quiet"
why   = """
What is meant is not told; but whoever reads that nothing is strange must read, too, what was taken out of it. By launch,
account and service: what it cost above its usual on the dearest of the last days, up to the factor that was announced.
What goes beyond the factor is told by token_burst and cost_anomaly, and is not here.
"""
reads = ["launch_days", "accounts"]
[parameters]
last_days = 7
least_daily_cost_usd = 1.0     # less is not worth a note
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
        max(usual_cost) AS usual_cost
    FROM launch_days
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $last_days AS date)
        AND charge_date < $as_of
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
quiet_days AS (
    SELECT
        *,
        least(greatest(effective_cost - own_cost, 0), (factor - 1) * usual_cost) AS quiet_cost
    FROM launched_days
)
SELECT
    quiet_days.use_case,
    quiet_days.first_day,
    quiet_days.last_day,
    quiet_days.factor,
    quiet_days.sub_account_id,
    accounts.name AS sub_account_name,
    quiet_days.service_name,
    max(quiet_days.quiet_cost) AS daily_cost,
    max(quiet_days.effective_cost / nullif(quiet_days.usual_cost, 0)) AS ratio
FROM quiet_days
LEFT JOIN accounts ON quiet_days.sub_account_id = accounts.sub_account_id
GROUP BY 1, 2, 3, 4, 5, 6, 7
HAVING max(round(quiet_days.quiet_cost, 6)) >= $least_daily_cost_usd
ORDER BY daily_cost DESC, use_case, first_day, sub_account_id, service_name
