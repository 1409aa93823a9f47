/*
title = "Daily GPU utilization of the resources with the highest cost"
why   = """
The report page shows a row for each GPU instance or SageMaker endpoint, with one square per day. The color of a square
shows the utilization on that day, so the squares show when each GPU is idle, for example on weekends or after a project
ends. `utilization` is null if the utilization of the GPUs was not collected.
"""
reads = ["gpu_days", "complete_30_days"]
[parameters]
days = 75                      # the 30 complete days, and the incomplete days after them
most = 20
*/
WITH costs AS (
    SELECT
        gpu_days.*,
        sum(effective_cost) OVER (PARTITION BY sub_account_id, resource_id) AS total_cost
    FROM gpu_days
    CROSS JOIN complete_30_days
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND charge_date >= complete_30_days.first_day
        AND charge_date < complete_30_days.end_day
),
places AS (
    SELECT
        *,
        dense_rank() OVER (ORDER BY round(total_cost, 6) DESC, sub_account_id, resource_id) AS place
    FROM costs
)
SELECT
    place,
    sub_account_id,
    region_id,
    resource_id,
    array_join(instance_types, ', ') AS instance_types,
    charge_date,
    gpu_hours,
    utilization,
    effective_cost
FROM places
WHERE place <= $most
ORDER BY place, charge_date, region_id
