/*
title = "Cost above the baseline for launches that started in a month"
why   = """
The month close shows how much planned launches cost beyond the forecast. The forecast of a month does not include
launches that start in the month, but includes launches that started before the month.
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
        sum(effective_cost) AS effective_cost,
        max(own_cost) AS own_cost
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
    sum(effective_cost - own_cost) AS launch_cost
FROM launched_days
GROUP BY 1, 2, 3
HAVING sum(effective_cost - own_cost) >= 0.01
ORDER BY use_case, sub_account_id, service_name
