/*
title = "SageMaker endpoints by day: cost, hours, invocations"
why   = """
The table contains the daily cost, instance hours and invocations of each SageMaker endpoint. Reports use these values
to compute the cost per inference. `invocations` is the total of all variants of the endpoint, or null if the
invocations of the endpoint were not collected.
"""
reads = ["ai_charges", "activity"]
[parameters]
days = 75                 # reports compare two periods of 30 complete days; the other days are incomplete
*/
WITH charged_days AS (
    SELECT
        charge_date,
        SubAccountId AS sub_account_id,
        RegionId AS region_id,
        ResourceId AS resource_id,
        max(ServiceName) AS service_name,
        max_by(Tags, coalesce(cardinality(Tags), 0)) FILTER (WHERE Tags IS NOT NULL) AS tags,
        array_agg(DISTINCT instance_type ORDER BY instance_type)
            FILTER (WHERE instance_type IS NOT NULL) AS instance_types,
        sum(CASE WHEN instance_type IS NOT NULL THEN ConsumedQuantity END) AS instance_hours,
        sum(EffectiveCost) AS effective_cost
    FROM ai_charges
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND charge_date < $as_of
        AND SkuMeter LIKE '%Host:%'
        AND meter LIKE 'Host:%'                                             -- real-time only
        AND ai_family = 'sagemaker'
        AND ChargeCategory = 'Usage'
        AND ChargeClass IS DISTINCT FROM 'Correction'
        AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused'
        AND ResourceId IS NOT NULL
    GROUP BY 1, 2, 3, 4
),
calls AS (
    SELECT activity_date, resource_id, sum(value) AS invocations
    FROM activity
    WHERE activity_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND activity_date < $as_of
        AND namespace = 'AWS/SageMaker'
        AND metric = 'Invocations'
        AND value IS NOT NULL
    GROUP BY 1, 2
)
SELECT charged_days.*, calls.invocations
FROM charged_days
LEFT JOIN calls
    ON charged_days.resource_id = calls.resource_id                         -- an ARN contains account and region
    AND charged_days.charge_date = calls.activity_date
