/*
title     = "Idle SageMaker endpoint"
category  = "waste"
ai_families = ["sagemaker"]
schedule  = "daily"
why       = """
A real-time endpoint is billed for its instances, with or without requests: an ml.m5.xlarge costs 168 USD/month, and an
ml.g5.2xlarge costs about 1,100 USD/month. Endpoints from demos and notebooks run until someone deletes them.
"""
reason    = "Endpoint {endpoint_name} received no invocations in {lookback_days} days but ran for {instance_hours} instance hours on {instance_types}, at a cost of {monthly_cost} {currency}/month."
action    = """
1. Confirm with the owner that the endpoint is not a disaster-recovery standby, and check when the endpoint was created: aws sagemaker describe-endpoint --endpoint-name {endpoint_name} --region {region_id}
2. If the endpoint is not needed, delete it: aws sagemaker delete-endpoint --endpoint-name {endpoint_name} --region {region_id}
3. If the endpoint is needed occasionally, use serverless or asynchronous inference, which can scale to zero between invocations.
"""
blind_spots = [
  "An endpoint that is a disaster-recovery standby has no invocations by design; exclude the finding for such an endpoint.",
  "If a Savings Plan covers the instances, deleting the endpoint reduces cost only if the Savings Plan then applies to other usage.",
  "An unused endpoint that receives synthetic health checks is not reported, because each check is an invocation.",
]
sources   = [
  "https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-delete-resources.html",
  "https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html",
  "https://aws.amazon.com/sagemaker/pricing/",
]
[parameters]
lookback_days = 7
least_monthly_cost_usd = 1.0
[needs]
charges = "ai_family = 'sagemaker' AND meter LIKE 'Host:%'"
columns = ["ResourceId"]
activity = ["AWS/SageMaker"]
history_days = 7
*/
WITH endpoints AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        charges.RegionId AS region_id,
        charges.ResourceId AS resource_id,
        lookbacks.charge_date AS first_day,
        lookbacks.last_settled_day AS last_day,
        max(charges.ServiceName) AS service_name,
        max_by(charges.Tags, charges.charge_date) FILTER (WHERE cardinality(charges.Tags) > 0) AS tags,
        array_agg(DISTINCT charges.instance_type ORDER BY charges.instance_type)
            FILTER (WHERE charges.instance_type IS NOT NULL) AS instance_types,
        sum(CASE WHEN charges.instance_type IS NOT NULL THEN charges.ConsumedQuantity END) AS instance_hours,
        sum(charges.EffectiveCost) AS effective_cost
    FROM ai_charges AS charges
    INNER JOIN completeness AS lookbacks
        ON charges.SubAccountId IS NOT DISTINCT FROM lookbacks.sub_account_id
        AND lookbacks.settled_recency = $lookback_days  -- a younger account has no such day
        AND charges.charge_date BETWEEN lookbacks.charge_date AND lookbacks.last_settled_day
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND charges.SkuMeter LIKE '%Host:%'
        AND charges.meter LIKE 'Host:%'                    -- real-time only: not AsyncInf:, ServerlessInf:, Train:, Notebk:
        AND charges.ai_family = 'sagemaker'
        AND charges.ChargeCategory = 'Usage'
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
    GROUP BY 1, 2, 3, 4, 5                                 -- one row per endpoint, whatever its variants and instance types
    HAVING count(DISTINCT CASE
        WHEN charges.instance_type IS NOT NULL AND charges.ConsumedQuantity > 0 THEN charges.charge_date
    END) = $lookback_days
),
calls AS (
    SELECT
        activity.resource_id,
        count(DISTINCT CASE WHEN activity.activity_date <= endpoints.last_day THEN activity.activity_date END)
            AS evaluated_days,
        max(activity.value) AS most_invocations
    FROM activity
    INNER JOIN endpoints
        ON activity.resource_id = endpoints.resource_id    -- an ARN contains account and region
        AND activity.activity_date >= endpoints.first_day
    WHERE activity.activity_date < $as_of                  -- calls on unsettled days count too
        AND activity.activity_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND activity.namespace = 'AWS/SageMaker'
        AND activity.metric = 'Invocations'
        AND activity.value IS NOT NULL
    GROUP BY activity.resource_id
)
SELECT
    endpoints.sub_account_id,
    endpoints.region_id,
    endpoints.resource_id,
    endpoints.effective_cost / $lookback_days * 30 AS monthly_cost,
    endpoints.service_name,
    endpoints.tags,
    coalesce(calls.evaluated_days, 0) < $lookback_days AS not_evaluated,
    regexp_extract(endpoints.resource_id, 'endpoint/(.+)$', 1) AS endpoint_name,
    endpoints.instance_types,
    endpoints.instance_hours,
    $lookback_days AS lookback_days,
    endpoints.first_day,
    endpoints.last_day
FROM endpoints
LEFT JOIN calls ON endpoints.resource_id = calls.resource_id
WHERE coalesce(calls.most_invocations, 0) = 0              -- over all variants and days
    AND round(endpoints.effective_cost / $lookback_days * 30, 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, endpoints.sub_account_id, endpoints.region_id, endpoints.resource_id
