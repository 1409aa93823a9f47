/*
title = "Daily GPU utilization of the resources with the highest cost"
why   = """
The report page shows a row for each GPU instance or SageMaker endpoint, with a square for each day. The squares show
which GPUs are idle, for example on weekends or after the end of a project. `utilization` is null if the utilization of
the GPUs was not collected.
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
