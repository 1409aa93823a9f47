/*
title     = "Idle Bedrock Provisioned Throughput"
category  = "waste"
ai_families = ["any"]
schedule  = "daily"
why       = """
Provisioned Throughput is billed per model unit per hour, whether or not it is used: one model unit of Nova 2.0 Lite
costs 60 USD/hour, about 43,000 USD/month. Provisioned Throughput without a commitment can be deleted at any time.
Provisioned Throughput with a commitment is billed until the term ends.
"""
reason    = "Account {sub_account_name} was billed for {model_unit_hours} model-unit hours of Provisioned Throughput for {models} in {lookback_days} days, but {proof}. The Provisioned Throughput costs {monthly_cost} {currency}/month ({commitment})."
action    = """
1. Check when the commitment ends (commitmentExpirationTime): aws bedrock list-provisioned-model-throughputs --region {region_id}
2. Check for invocations in CloudWatch (namespace AWS/Bedrock, metric Invocations, the provisioned model's ARN as ModelId), and confirm with the owner that the Provisioned Throughput is not used.
3. During a commitment term, AWS rejects the deletion of Provisioned Throughput. If the Provisioned Throughput is not needed, delete it, or schedule the deletion for the day on which the term ends: aws bedrock delete-provisioned-model-throughput --provisioned-model-id {resource_id} --region {region_id}
"""
blind_spots = [
  "Calls to Provisioned Throughput are not billed per token, so the bill does not show whether the capacity is used. Without CloudWatch metrics, focuswatch therefore cannot detect that an account calls a model only through Provisioned Throughput, and reports the Provisioned Throughput as idle.",
  "Without CloudWatch metrics, focuswatch treats Provisioned Throughput as used if the account's usage types for tokens contain the model name. If AWS spells the model name differently in the usage types for Provisioned Throughput, focuswatch might report Provisioned Throughput as idle although the model is in use.",
  "The end of a commitment is estimated from its first day on the bill. The bill does not show renewals, so after a renewal, the finding still states the end of the first term.",
]
sources   = [
  "https://docs.aws.amazon.com/bedrock/latest/userguide/prov-throughput.html",
  "https://docs.aws.amazon.com/bedrock/latest/userguide/prov-thru-delete.html",
  "https://aws.amazon.com/bedrock/pricing/",
]
[parameters]
lookback_days = 7
least_monthly_cost_usd = 1.0
[needs]
charges = "ai_family = 'bedrock' AND regexp_like(SkuMeter, '(?i)provisionedthroughput|reserved')"
history_days = 7
*/
WITH capacity_days AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        charges.RegionId AS region_id,
        charges.ResourceId AS resource_id,
        coalesce(CASE
            WHEN charges.meter LIKE 'MP:%' THEN regexp_replace(charges.ServiceName, ' *\(Amazon Bedrock Edition\)$', '')
            ELSE regexp_replace(charges.meter, '-ProvisionedThroughput.*$', '')
        END, charges.meter) AS model,
        CAST(regexp_extract(charges.meter, '(?i)([0-9]+)-?months?', 1) AS integer) AS committed_months,  -- null: NoCommit
        charges.charge_date,
        max(charges.ServiceName) AS service_name,
        max_by(charges.Tags, charges.charge_date) FILTER (WHERE cardinality(charges.Tags) > 0) AS tags,
        sum(coalesce(charges.ConsumedQuantity, charges.PricingQuantity)) AS model_unit_hours,
        sum(charges.EffectiveCost) AS effective_cost
    FROM ai_charges AS charges
    WHERE charges.charge_date < $as_of                     -- all history: a commitment may have started long ago
        AND charges.SkuMeter LIKE '%ProvisionedThroughput%ModelUnits%'  -- first-party and Marketplace
        AND charges.ChargeCategory = 'Usage'
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
        AND coalesce(charges.ConsumedQuantity, charges.PricingQuantity) > 0
    GROUP BY 1, 2, 3, 4, 5, 6
),
terms AS (
    SELECT
        sub_account_id,
        region_id,
        resource_id,
        model,
        committed_months,
        min(charge_date) AS committed_from
    FROM capacity_days
    WHERE committed_months IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5
),
capacities AS (
    SELECT
        days.sub_account_id,
        days.region_id,
        days.resource_id,
        days.model,
        lookbacks.charge_date AS first_day,
        lookbacks.last_settled_day AS last_day,
        lookbacks.first_charge_date,
        regexp_replace(lower(regexp_replace(days.model, '^[a-z]+\.', '')), '[^a-z0-9]', '') AS model_key,
        max(days.service_name) AS service_name,
        max(CASE WHEN days.charge_date = lookbacks.last_settled_day THEN days.committed_months END) AS committed_months,
        max_by(days.tags, days.charge_date) FILTER (WHERE days.tags IS NOT NULL) AS tags,
        sum(days.model_unit_hours) AS model_unit_hours,
        sum(days.effective_cost) AS effective_cost
    FROM capacity_days AS days
    INNER JOIN completeness AS lookbacks
        ON days.sub_account_id IS NOT DISTINCT FROM lookbacks.sub_account_id
        AND lookbacks.settled_recency = $lookback_days  -- a younger account has no such day
        AND days.charge_date BETWEEN lookbacks.charge_date AND lookbacks.last_settled_day
    GROUP BY 1, 2, 3, 4, 5, 6, 7
    HAVING count(DISTINCT days.charge_date) = $lookback_days
),
invocations AS (
    SELECT
        activity.resource_id,
        count(DISTINCT CASE WHEN activity.activity_date <= capacities.last_day THEN activity.activity_date END)
            AS evaluated_days,
        max(activity.value) AS most_invocations
    FROM activity
    INNER JOIN capacities
        ON activity.resource_id = capacities.resource_id   -- an ARN contains account and region
        AND activity.activity_date >= capacities.first_day
    WHERE activity.activity_date < $as_of                  -- calls on unsettled days count too
        AND activity.activity_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND (
            (activity.namespace = 'AWS/Bedrock' AND activity.metric = 'Invocations')
            OR (activity.namespace = 'AWS/BedrockMantle' AND activity.metric = 'Inferences')
        )
        AND activity.value IS NOT NULL
    GROUP BY activity.resource_id
),
called_regions AS (
    SELECT DISTINCT activity.sub_account_id, activity.region_id, true AS is_called
    FROM activity
    INNER JOIN capacities
        ON activity.sub_account_id IS NOT DISTINCT FROM capacities.sub_account_id
        AND activity.region_id IS NOT DISTINCT FROM capacities.region_id
        AND activity.activity_date >= capacities.first_day
    WHERE capacities.resource_id IS NULL                   -- capacity without a resource ID may be the one that is called
        AND activity.activity_date < $as_of
        AND activity.activity_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND activity.resource_id LIKE '%:provisioned-model/%'
        AND activity.metric IN ('Invocations', 'Inferences')
        AND activity.value > 0
),
capacity_accounts AS (
    SELECT DISTINCT sub_account_id, first_day
    FROM capacities
),
called_models AS (
    SELECT DISTINCT
        charges.SubAccountId AS sub_account_id,
        regexp_replace(lower(CASE
            WHEN charges.meter LIKE 'MP:%' THEN regexp_replace(charges.ServiceName, ' *\(Amazon Bedrock Edition\)$', '')
            ELSE regexp_replace(charges.meter, '^[a-z]+\.|-(mantle|cache|input|output|created|search|T2I|I2I)[-_].*$', '')
        END), '[^a-z0-9]', '') AS model_key,
        true AS is_called
    FROM ai_charges AS charges
    INNER JOIN capacity_accounts
        ON charges.SubAccountId IS NOT DISTINCT FROM capacity_accounts.sub_account_id
        AND charges.charge_date >= capacity_accounts.first_day
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND charges.charge_date < $as_of
        AND charges.ai_family = 'bedrock'
        AND charges.ChargeCategory = 'Usage'
        AND coalesce(charges.ConsumedQuantity, charges.PricingQuantity) > 0
        AND NOT regexp_like(charges.meter, '(?i)provisionedthroughput|reserved')  -- reserved, not invoked
),
evaluated_capacities AS (
    SELECT
        capacities.*,
        terms.committed_from,
        coalesce(invocations.evaluated_days, 0) = $lookback_days AS is_evaluated
    FROM capacities
    LEFT JOIN terms
        ON capacities.sub_account_id IS NOT DISTINCT FROM terms.sub_account_id
        AND capacities.region_id IS NOT DISTINCT FROM terms.region_id
        AND capacities.resource_id IS NOT DISTINCT FROM terms.resource_id
        AND capacities.model = terms.model
        AND capacities.committed_months = terms.committed_months
    LEFT JOIN invocations ON capacities.resource_id = invocations.resource_id
    LEFT JOIN called_regions
        ON capacities.resource_id IS NULL
        AND capacities.sub_account_id IS NOT DISTINCT FROM called_regions.sub_account_id
        AND capacities.region_id IS NOT DISTINCT FROM called_regions.region_id
    LEFT JOIN called_models
        ON capacities.sub_account_id IS NOT DISTINCT FROM called_models.sub_account_id
        AND capacities.model_key = called_models.model_key
    WHERE coalesce(invocations.most_invocations, 0) = 0
        AND called_regions.is_called IS NULL
        AND (invocations.evaluated_days = $lookback_days OR called_models.is_called IS NULL)  -- activity decides; without it, the bill
),
idle_capacities AS (
    SELECT
        sub_account_id,
        region_id,
        resource_id,
        service_name,
        first_day,
        last_day,
        array_agg(DISTINCT model ORDER BY model) AS models,  -- without a resource ID, the models of a region are one finding
        bool_and(is_evaluated) AS is_evaluated,
        max(committed_months) AS committed_months,
        max(CASE
            WHEN committed_from > first_charge_date        -- otherwise it started before the bill
                THEN CAST(committed_from + INTERVAL '1' MONTH * committed_months AS date)
        END) AS committed_until,
        max_by(tags, effective_cost) FILTER (WHERE tags IS NOT NULL) AS tags,
        sum(model_unit_hours) AS model_unit_hours,
        sum(effective_cost) AS effective_cost
    FROM evaluated_capacities
    GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT
    sub_account_id,
    region_id,
    resource_id,
    effective_cost / $lookback_days * 30 AS monthly_cost,
    service_name,
    tags,
    models,
    model_unit_hours,
    CASE WHEN is_evaluated THEN 'the capacity received no invocations' ELSE 'the account''s bill shows no tokens for that model' END AS proof,
    CASE
        WHEN committed_months IS NULL THEN 'no commitment'
        WHEN committed_until IS NULL
            THEN 'committed in ' || CAST(committed_months AS varchar) || '-month terms that started before the first day of the bill'
        WHEN committed_until <= $as_of
            THEN 'commitment ended on ' || CAST(committed_until AS varchar) || ' unless renewed'
        ELSE 'committed until ' || CAST(committed_until AS varchar)
    END AS commitment,
    committed_until,
    $lookback_days AS lookback_days,
    first_day,
    last_day
FROM idle_capacities
WHERE round(effective_cost / $lookback_days * 30, 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, sub_account_id, region_id, resource_id, service_name
