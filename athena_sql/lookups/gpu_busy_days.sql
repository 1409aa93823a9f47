/*
title = "GPU hours a day and how busy they were, of the machines that cost most"
why   = """
The page draws a row a machine or endpoint and a square a day, so that a GPU that stands still at night, on weekends or
since the project ended is seen at a glance. `utilization` is null where nobody looked.
"""
reads = ["gpu_days"]
[parameters]
days = 30
most = 20
*/
WITH costs AS (
    SELECT
        *,
        sum(effective_cost) OVER (PARTITION BY sub_account_id, resource_id) AS total_cost
    FROM gpu_days
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND charge_date < $as_of
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
