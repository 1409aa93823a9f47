/*
title     = "AI usage policy violation"
category  = "governance"
ai_families = ["bedrock"]
schedule  = "daily"
why       = """
A use case in owners.toml can restrict its models and Regions, and can require batch inference. This detection reports
Bedrock usage that violates the rules of a use case. The finding states the cost of this usage. The finding also states
what the same number of tokens would cost with the cheapest model and tier that the rules allow. To print an IAM policy
or SCP that denies calls that violate the rules, run focuswatch policy USE_CASE.
"""
reason    = "Over {lookback_days} days, use case {use_case} used {million_tokens} million tokens in violation of its rules ({broken}): {usage}. The tokens cost {monthly_usage_cost} {currency}/month. With the cheapest allowed model and tier, the estimated cost of the same tokens, in {currency}/month, is {monthly_allowed_cost} ({allowed_usage})."
action    = """
1. Ask the owner of {workload} why the workload does not follow the rules of {use_case}: {rules}.
2. If the usage is intended, change the key "models", "batch" or "regions" in [use_cases.{use_case}] of owners.toml.
3. If the usage is not intended, change the workload to follow the rules of {use_case}. To deny calls that violate the rules, run focuswatch policy USE_CASE, review the policy that the command prints, and attach the policy.
"""
blind_spots = [
  "Model names on the bill differ from model IDs, so focuswatch treats a model as allowed if its name on the bill contains all words and numbers of at least one pattern in owners.toml. A model with a similar name can therefore count as allowed, and its usage is not reported.",
  "Tags determine which charges belong to a use case, so usage without the use case's tag is not checked.",
  "Only Bedrock tokens are checked; Provisioned Throughput, image generation and SageMaker are not checked.",
  "The estimated cost with an allowed model and tier assumes the same number of tokens, although another model may need more or fewer tokens. It considers only allowed models for which the bill has a price for each kind of token in use; if there is no such model, the finding contains no estimate.",
]
sources   = [
  "https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html",
  "https://docs.aws.amazon.com/bedrock/latest/userguide/security_iam_id-based-policy-examples.html",
]
[parameters]
lookback_days = 7
price_days = 35
least_monthly_cost_usd = 1.0
[needs]
charges = "ai_family = 'bedrock' AND regexp_like(SkuMeter, '(?i)token')"
owners = ["usage_policies"]
*/
WITH recent_charges AS (                                      -- joined with completeness once: Athena reads it again for each use
    SELECT
        charges.*,
        regexp_replace(lower(charges.model), '[^a-z]+', '')         -- the bill joins words: NovaLite
            || ' ' || regexp_replace(charges.model, '[^0-9]+', ' ') || ' ' AS model_words
    FROM token_charges AS charges
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * $price_days AS date)
        AND charges.charge_date < $as_of
        AND charges.token_kind <> 'other'
),
resource_use_cases AS (                                       -- as tables/owned_days.sql assigns use cases
    SELECT
        resources.resource_id,
        max_by(rules.use_case, 2 * length(rules.value) + if(rules.key IS NULL, 1, 0))
            FILTER (WHERE rules.use_case IS NOT NULL) AS use_case
    FROM (SELECT DISTINCT resource_id FROM recent_charges WHERE resource_id IS NOT NULL) AS resources
    INNER JOIN plan_rules AS rules
        ON rules.rule = 'resource' AND starts_with(resources.resource_id, rules.value)
    WHERE rules.key IS NOT NULL OR resources.resource_id = rules.value
    GROUP BY 1
),
tag_maps AS (
    SELECT Tags AS tags
    FROM tagged_days
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $price_days AS date) AND Tags IS NOT NULL
    UNION
    SELECT tags FROM accounts WHERE tags IS NOT NULL
),
tag_use_cases AS (
    SELECT
        tag_maps.tags,
        min_by(rules.use_case, rules.place) FILTER (WHERE rules.use_case IS NOT NULL) AS use_case
    FROM tag_maps
    CROSS JOIN UNNEST(map_keys(tag_maps.tags)) AS keys (tag_key)
    INNER JOIN plan_rules AS rules
        ON rules.rule = 'tag'
        AND rules.key = regexp_replace(lower(keys.tag_key), $tag_prefix, '')
        AND rules.value = lower(trim(element_at(tag_maps.tags, keys.tag_key)))
    GROUP BY 1
),
ruled_use_cases AS (
    SELECT
        use_case,
        count_if(rule = 'model') > 0 AS has_models,
        count_if(rule = 'region') > 0 AS has_regions,
        count_if(rule = 'batch') > 0 AS needs_batch
    FROM policy_rules
    GROUP BY 1
),
models AS (
    SELECT DISTINCT model, model_words FROM recent_charges
),
pattern_models AS (                                           -- every word of the pattern is in the model's name
    SELECT rules.use_case, rules.pattern, models.model
    FROM policy_rules AS rules
    CROSS JOIN models
    WHERE rules.rule = 'model'
    GROUP BY 1, 2, 3
    HAVING count_if(strpos(models.model_words, rules.word) = 0) = 0
),
allowed_models AS (
    SELECT DISTINCT use_case, model FROM pattern_models
),
rule_texts AS (
    SELECT use_case, array_agg(DISTINCT coalesce(rule || ' ' || pattern, 'batch inference') ORDER BY coalesce(rule || ' ' || pattern, 'batch inference')) AS rules
    FROM policy_rules
    GROUP BY 1
),
use_case_charges AS (
    SELECT
        charges.*,
        ruled.use_case,
        ruled.needs_batch,
        ruled.has_models,
        ruled.has_models AND allowed_models.model IS NULL AS breaks_models,
        ruled.has_regions AND regions.word IS NULL AS breaks_regions,
        ruled.needs_batch AND charges.tier <> 'batch' AS breaks_batch
    FROM recent_charges AS charges
    INNER JOIN completeness
        ON charges.sub_account_id IS NOT DISTINCT FROM completeness.sub_account_id
        AND charges.charge_date = completeness.charge_date
        AND completeness.settled_recency <= $lookback_days
    LEFT JOIN resource_use_cases ON charges.resource_id = resource_use_cases.resource_id
    LEFT JOIN tag_use_cases AS by_tag ON charges.tags = by_tag.tags
    LEFT JOIN accounts ON charges.sub_account_id = accounts.sub_account_id
    LEFT JOIN tag_use_cases AS by_account_tag ON accounts.tags = by_account_tag.tags
    LEFT JOIN plan_rules AS by_account ON by_account.rule = 'account' AND by_account.value = charges.sub_account_id
    INNER JOIN ruled_use_cases AS ruled
        ON ruled.use_case
        = coalesce(resource_use_cases.use_case, by_tag.use_case, by_account_tag.use_case, by_account.use_case)
    LEFT JOIN allowed_models ON ruled.use_case = allowed_models.use_case AND charges.model = allowed_models.model
    LEFT JOIN policy_rules AS regions
        ON regions.rule = 'region' AND regions.use_case = ruled.use_case AND regions.word = charges.region_id
),
prices AS (                                                   -- of the whole bill: where the price is known is not who pays it
    SELECT
        ruled.use_case,
        charges.model,
        charges.token_kind,
        charges.tier,
        ruled.has_models AND max(allowed_models.model) IS NOT NULL AS is_allowed,
        sum(charges.effective_cost) / sum(charges.million_tokens) AS price
    FROM recent_charges AS charges
    CROSS JOIN ruled_use_cases AS ruled
    LEFT JOIN allowed_models ON ruled.use_case = allowed_models.use_case AND charges.model = allowed_models.model
    LEFT JOIN policy_rules AS regions
        ON regions.rule = 'region' AND regions.use_case = ruled.use_case AND regions.word = charges.region_id
    WHERE NOT ruled.has_regions OR regions.word IS NOT NULL
    GROUP BY ruled.use_case, ruled.has_models, charges.model, charges.token_kind, charges.tier
    HAVING sum(charges.million_tokens) > 0 AND sum(charges.effective_cost) > 0
),
violations AS (
    SELECT
        sub_account_id,
        region_id,
        service_name,
        coalesce(resource_id, 'use case ' || use_case) AS resource_id,
        use_case,
        model,
        tier,
        has_models,
        CASE WHEN needs_batch THEN 'batch' ELSE tier END AS allowed_tier,
        CASE WHEN needs_batch AND token_kind LIKE 'cache%' THEN 'input' ELSE token_kind END AS allowed_kind,  -- batch has no cache
        bool_or(breaks_models) AS breaks_models,
        bool_or(breaks_regions) AS breaks_regions,
        bool_or(breaks_batch) AS breaks_batch,
        max_by(tags, effective_cost) FILTER (WHERE tags IS NOT NULL) AS tags,
        min(charge_date) AS first_day,
        max(charge_date) AS last_day,
        sum(million_tokens) AS million_tokens,
        sum(effective_cost) AS effective_cost,
        count(*) OVER (
            PARTITION BY sub_account_id, region_id, service_name, coalesce(resource_id, 'use case ' || use_case)
        ) AS parts
    FROM use_case_charges
    WHERE breaks_models OR breaks_regions OR breaks_batch
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
),
workloads AS (
    SELECT
        sub_account_id,
        region_id,
        service_name,
        resource_id,
        max_by(use_case, effective_cost) FILTER (WHERE use_case IS NOT NULL) AS use_case,
        bool_or(breaks_models) AS breaks_models,
        bool_or(breaks_regions) AS breaks_regions,
        bool_or(breaks_batch) AS breaks_batch,
        array_agg(DISTINCT model || ', ' || tier ORDER BY model || ', ' || tier) AS usage_parts,
        max_by(tags, effective_cost) FILTER (WHERE tags IS NOT NULL) AS tags,
        min(first_day) AS first_day,
        max(last_day) AS last_day,
        sum(million_tokens) AS million_tokens,
        sum(effective_cost) AS effective_cost
    FROM violations
    GROUP BY 1, 2, 3, 4
),
candidates AS (                                               -- an allowed model, or the same models in the allowed tier and Region
    SELECT
        violations.sub_account_id,
        violations.region_id,
        violations.service_name,
        violations.resource_id,
        CASE WHEN violations.has_models THEN prices.model ELSE 'the same models' END AS allowed_model,
        max(violations.allowed_tier) AS allowed_tier,
        sum(violations.million_tokens * prices.price) AS allowed_cost
    FROM violations
    INNER JOIN prices
        ON violations.use_case = prices.use_case
        AND violations.allowed_tier = prices.tier
        AND violations.allowed_kind = prices.token_kind
        AND ((violations.has_models AND prices.is_allowed) OR (NOT violations.has_models AND violations.model = prices.model))
    GROUP BY 1, 2, 3, 4, 5
    HAVING count(*) = max(violations.parts)                   -- a price for every kind of token
),
cheapest_candidates AS (
    SELECT
        candidates.sub_account_id,
        candidates.region_id,
        candidates.service_name,
        candidates.resource_id,
        min(candidates.allowed_cost) AS allowed_cost,
        min_by(candidates.allowed_model || ', ' || candidates.allowed_tier, candidates.allowed_cost)
            FILTER (WHERE candidates.allowed_model IS NOT NULL) AS allowed_usage
    FROM candidates
    GROUP BY 1, 2, 3, 4
)
SELECT
    workloads.sub_account_id,
    workloads.region_id,
    workloads.resource_id,
    workloads.effective_cost / $lookback_days * 30 AS monthly_cost,
    workloads.service_name,
    workloads.use_case,
    workloads.resource_id AS workload,
    array_join(ARRAY[
        CASE WHEN workloads.breaks_models THEN 'model not allowed' END,
        CASE WHEN workloads.breaks_batch THEN 'batch inference required' END,
        CASE WHEN workloads.breaks_regions THEN 'Region not allowed' END
    ], ', ') AS broken,
    array_join(workloads.usage_parts, '; ') || coalesce('; in ' || workloads.region_id, '') AS usage,
    array_join(rule_texts.rules, '; ') AS rules,
    workloads.million_tokens,
    workloads.effective_cost / $lookback_days * 30 AS monthly_usage_cost,
    cheapest_candidates.allowed_cost / $lookback_days * 30 AS monthly_allowed_cost,
    coalesce(cheapest_candidates.allowed_usage, 'no price on this bill') AS allowed_usage,
    workloads.tags,
    $lookback_days AS lookback_days,
    workloads.first_day,
    workloads.last_day
FROM workloads
INNER JOIN rule_texts ON workloads.use_case = rule_texts.use_case
LEFT JOIN cheapest_candidates
    ON workloads.sub_account_id IS NOT DISTINCT FROM cheapest_candidates.sub_account_id
    AND workloads.region_id IS NOT DISTINCT FROM cheapest_candidates.region_id
    AND workloads.service_name IS NOT DISTINCT FROM cheapest_candidates.service_name
    AND workloads.resource_id = cheapest_candidates.resource_id
WHERE round(workloads.effective_cost / $lookback_days * 30, 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, workloads.sub_account_id, workloads.region_id, workloads.service_name, workloads.resource_id
