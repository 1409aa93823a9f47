/*
title     = "Unused custom or imported model"
category  = "waste"
ai_families = ["any"]
schedule  = "daily"
why       = """
Bedrock charges about 2 USD/month to store a custom model. The same storage charge applies to each Custom Model Unit of
an imported model. An active imported model also costs 3 to 9 USD/hour per Custom Model Unit. Models that are left over
from trials are billed until someone deletes them.
"""
reason    = "The {model_kind} {resource_id} (usage types: {meters}) was stored or kept active for {lookback_days} days but received no invocations. The model costs {monthly_cost} {currency}/month."
action    = """
1. Check that the model is not invoked through Provisioned Throughput or an on-demand deployment. CloudWatch counts such invocations under the ARN of the Provisioned Throughput or the deployment, not under the ARN of the model. To list the Provisioned Throughput of the model:
   aws bedrock list-provisioned-model-throughputs --model-arn-equals {resource_id} --region {region_id}
2. Confirm that the weights, or the training data and settings, are stored elsewhere. Deletion cannot be undone.
3. If the model is not needed, delete it: aws bedrock delete-{model_kind} --model-identifier {resource_id} --region {region_id}
"""
blind_spots = [
  "If a custom model is served through Provisioned Throughput or an on-demand deployment, CloudWatch counts the invocations under the ARN of the Provisioned Throughput or deployment. focuswatch then treats the model as used only if the bill shows token usage of a custom model with the same base model. Otherwise, focuswatch can report a used model as unused.",
  "A charge without a model ARN cannot be matched to invocations, so focuswatch reports the charge as not evaluated.",
]
sources   = [
  "https://docs.aws.amazon.com/bedrock/latest/userguide/import-model-calculate-cost.html",
  "https://docs.aws.amazon.com/bedrock/latest/userguide/model-customization-use.html",
  "https://aws.amazon.com/bedrock/pricing/",
]
[parameters]
lookback_days = 14
least_monthly_cost_usd = 1.0
[needs]
charges = "ai_family = 'bedrock' AND regexp_like(SkuMeter, '(?i)custom')"
activity = ["AWS/Bedrock", "AWS/BedrockMantle"]
history_days = 14
*/
WITH models AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        charges.RegionId AS region_id,
        charges.ResourceId AS resource_id,
        lookbacks.charge_date AS first_day,
        lookbacks.last_settled_day AS last_day,
        max(charges.ServiceName) AS service_name,
        max_by(charges.Tags, charges.charge_date) FILTER (WHERE cardinality(charges.Tags) > 0) AS tags,
        array_agg(DISTINCT charges.meter ORDER BY charges.meter) AS meters,
        max(CASE WHEN charges.meter LIKE '%CustomModelImport%' THEN 'imported-model' ELSE 'custom-model' END) AS model_kind,
        max(regexp_replace(charges.meter, '-Custom.*$', '')) AS base_model,
        sum(charges.EffectiveCost) AS effective_cost
    FROM ai_charges AS charges
    INNER JOIN completeness AS lookbacks
        ON charges.SubAccountId IS NOT DISTINCT FROM lookbacks.sub_account_id
        AND lookbacks.settled_recency = $lookback_days  -- a younger account has no such day
        AND charges.charge_date BETWEEN lookbacks.charge_date AND lookbacks.last_settled_day
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND (
            charges.SkuMeter LIKE '%CustomModelImport-Storage%'
            OR charges.SkuMeter LIKE '%CustomModelImport-Inference%'  -- billed while a copy is active, not per call
            OR charges.SkuMeter LIKE '%Customization-Storage%'
        )
        AND charges.ChargeCategory = 'Usage'
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
        AND charges.ConsumedQuantity > 0
    GROUP BY 1, 2, 3, 4, 5                                 -- storage and active minutes of a model are one finding
    HAVING min(charges.charge_date) = lookbacks.charge_date  -- a younger model is not evaluated
        AND max(charges.charge_date) = lookbacks.last_settled_day  -- a deleted model is not reported
),
invocations AS (
    SELECT
        activity.resource_id,
        count(DISTINCT CASE WHEN activity.activity_date <= models.last_day THEN activity.activity_date END)
            AS evaluated_days,
        max(activity.value) AS most_invocations
    FROM activity
    INNER JOIN models
        ON activity.resource_id = models.resource_id       -- an ARN contains account and region
        AND activity.activity_date >= models.first_day
    WHERE activity.activity_date < $as_of                  -- calls on unsettled days count too
        AND activity.activity_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND (
            (activity.namespace = 'AWS/Bedrock' AND activity.metric = 'Invocations')
            OR (activity.namespace = 'AWS/BedrockMantle' AND activity.metric = 'Inferences')
        )
        AND activity.value IS NOT NULL
    GROUP BY activity.resource_id
),
model_accounts AS (
    SELECT DISTINCT sub_account_id, first_day
    FROM models
),
called_customs AS (
    SELECT DISTINCT
        charges.SubAccountId AS sub_account_id,
        regexp_replace(charges.meter, '-(mantle|cache|input|output)-.*$', '') AS base_model,
        true AS is_called
    FROM ai_charges AS charges
    INNER JOIN model_accounts
        ON charges.SubAccountId IS NOT DISTINCT FROM model_accounts.sub_account_id
        AND charges.charge_date >= model_accounts.first_day
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND charges.charge_date < $as_of
        AND charges.SkuMeter LIKE '%tokens-custom-model%'  -- an on-demand deployment of a custom model
        AND charges.ChargeCategory = 'Usage'
        AND charges.ConsumedQuantity > 0
)
SELECT
    models.sub_account_id,
    models.region_id,
    models.resource_id,
    models.effective_cost / $lookback_days * 30 AS monthly_cost,
    models.service_name,
    models.tags,
    coalesce(invocations.evaluated_days, 0) < $lookback_days AS not_evaluated,
    models.model_kind,
    models.meters,
    $lookback_days AS lookback_days,
    models.first_day,
    models.last_day
FROM models
LEFT JOIN invocations ON models.resource_id = invocations.resource_id
LEFT JOIN called_customs
    ON models.model_kind = 'custom-model'
    AND models.sub_account_id IS NOT DISTINCT FROM called_customs.sub_account_id
    AND models.base_model = called_customs.base_model
WHERE coalesce(invocations.most_invocations, 0) = 0
    AND called_customs.is_called IS NULL
    AND round(models.effective_cost / $lookback_days * 30, 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, models.sub_account_id, models.region_id, models.resource_id
