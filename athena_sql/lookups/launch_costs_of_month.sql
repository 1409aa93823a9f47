/*
title = "Cost above the baseline for launches that started in a month"
why   = """
The forecast for a month includes planned launches that started before the month, but not launches that start during the
month. For launches that start during the month, the month close shows the BilledCost above the baseline.
"""
reads = ["launch_days"]
[parameters]
first_day = 2026-01-01
end_day = 2026-02-01
*/
WITH launched_days AS (
    SELECT
        use_case,
        sub_account_id,
        service_name,
        charge_date,
        sum(billed_cost) AS billed_cost,
        max(own_billed_cost) AS own_billed_cost
    FROM launch_days
    WHERE first_day >= $first_day
        AND charge_date >= first_day
        AND charge_date < $end_day
    GROUP BY 1, 2, 3, 4
)
SELECT
    use_case,
    sub_account_id,
    service_name,
    sum(billed_cost - own_billed_cost) AS launch_cost
FROM launched_days
GROUP BY 1, 2, 3
HAVING sum(billed_cost - own_billed_cost) >= 0.01
ORDER BY use_case, sub_account_id, service_name
