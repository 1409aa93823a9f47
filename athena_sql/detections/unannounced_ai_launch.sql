/*
title     = "New AI usage without a declared use case"
category  = "governance"
providers = "all"
ai_families = ["any"]
names     = "place"
schedule  = "daily"
why       = """
If no use case in owners.toml covers a new model or AI service, no owner, budget or end date is declared for its cost.
If you declare the model or service as a planned launch in owners.toml, focuswatch allocates its cost, and anomaly
detections do not report the planned increase.
"""
reason    = "Account {sub_account_name} has used {product} in {regions} since {first_day}, at a cost of {daily_cost} {currency}/day. No use case in owners.toml covers the charges for {product}."
action    = """
1. Ask the account owner whether the use of {product} is planned, and how long the cost increase is expected to last.
2. If the use of {product} is planned, run focuswatch note FINGERPRINT, review the section that it prints, and add the section to owners.toml.
3. If the use of {product} is not planned, identify the caller in CloudTrail and remove the permission to use {product} from the caller's role.
"""
action_of_others = """
1. Ask the owner of {sub_account_name} whether the use of {product} is planned, and how long the cost increase is expected to last.
2. If the use of {product} is planned, run focuswatch note FINGERPRINT, review the section that it prints, and add the section to owners.toml.
3. If the use of {product} is not planned, identify the caller in the activity log of {provider}, and remove the caller's permission to use {product}.
"""
blind_spots = [
  "If owners.toml has no use cases, this detection reports nothing.",
  "Models and AI services with charges in the first 14 days of an account or in the first 14 days of the bill count as already in use.",
  "A model counts as in use from the first day on which it costs at least `trial_daily_cost_usd` (1 USD by default). focuswatch resolves the finding when 28 days have passed since this first day.",
  "A use case without `rows` in owners.toml matches all charges of its team, but does not exempt a new model or AI service from this detection.",
  "If a new model replaces older models of the same family, the new model is not reported, even if it costs more. focuswatch assumes a replacement if the daily tokens of the older models fell by at least 25%, and by at least half of the daily tokens of the new model.",
  "EC2 instances with GPUs are reported by the detection gpu_burst; OpenSearch Serverless is not counted as an AI service.",
]
sources   = [
  "https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-understanding-cur-data.html",
  "https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-create.html",
  "https://www.finops.org/framework/capabilities/planning-estimating/",
]
[parameters]
least_daily_cost_usd = 25.0
trial_daily_cost_usd = 1.0     # below this daily cost, usage of a model is a trial, and the model does not count as in use
warm_up_days = 14
new_days = 28
lookback_days = 7
least_days = 3                 # minimum number of complete days with charges, because a single job is not a launch
days_before = 14               # number of days before the launch; the tokens of older models of the family are averaged over these days
moved_share = 0.5              # minimum share of the new tokens that moved from older models of the family
left_share = 0.25              # minimum decrease of the tokens of older models, as a share of their earlier tokens
[needs]
charges = "ai_family IS NOT NULL AND ai_family NOT IN ('gpu', 'opensearch_serverless')"
history_days = 17
owners = ["use_cases"]
*/
WITH tag_maps AS (
    SELECT Tags FROM ai_charges WHERE Tags IS NOT NULL
    UNION
    SELECT tags FROM accounts WHERE tags IS NOT NULL
),
named_tags AS (
    SELECT DISTINCT tag_maps.Tags AS tags
    FROM tag_maps
    CROSS JOIN UNNEST(map_keys(tag_maps.Tags)) AS keys (tag_key)
    INNER JOIN plan_rules AS rules
        ON rules.rule = 'tag'
        AND rules.key = regexp_replace(lower(keys.tag_key), $tag_prefix, '')
        AND rules.value = lower(trim(element_at(tag_maps.Tags, keys.tag_key)))
),
named_accounts AS (
    SELECT accounts.sub_account_id
    FROM accounts
    INNER JOIN named_tags ON accounts.tags = named_tags.tags
    UNION
    SELECT value FROM plan_rules WHERE rule = 'account'
),
named_resources AS (
    SELECT DISTINCT resources.ResourceId AS resource_id
    FROM (SELECT DISTINCT ResourceId FROM ai_charges WHERE ResourceId IS NOT NULL) AS resources
    INNER JOIN plan_rules AS rules
        ON rules.rule = 'resource' AND starts_with(resources.ResourceId, rules.value)
    WHERE rules.key IS NOT NULL OR resources.ResourceId = rules.value
),
token_meters AS (
    SELECT DISTINCT meter FROM token_charges
),
spends AS (                                                   -- `model` is empty for services, and for Bedrock without tokens
    SELECT
        charge_date,
        sub_account_id,
        region_id,
        service_name,
        resource_id,
        tags,
        ai_family,
        model,
        million_tokens,
        effective_cost
    FROM token_charges
    WHERE charge_date < $as_of
    UNION ALL
    SELECT
        charges.charge_date,
        charges.SubAccountId,
        charges.RegionId,
        charges.ServiceName,
        charges.ResourceId,
        charges.Tags,
        charges.ai_family,
        '',
        0E0,
        charges.EffectiveCost
    FROM ai_charges AS charges
    LEFT JOIN token_meters ON charges.ai_family IN ('bedrock', 'model_api') AND charges.meter = token_meters.meter
    WHERE charges.charge_date < $as_of
        AND charges.ai_family NOT IN ('gpu', 'opensearch_serverless')
        AND charges.ChargeCategory = 'Usage'
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
        AND charges.CommitmentDiscountStatus IS DISTINCT FROM 'Unused'  -- reported by unused_commitment
        AND token_meters.meter IS NULL
),
product_days AS (
    SELECT
        sub_account_id,
        ai_family,
        model,
        coalesce(
            regexp_extract(
                lower(model),
                '(claude|nova|titan|llama|gpt|mistral|mixtral|command|deepseek|qwen|gemma|jamba|palmyra|kimi|minimax|nemotron)',
                1
            ),
            model
        ) AS model_family,
        charge_date,
        sum(million_tokens) AS million_tokens,
        sum(effective_cost) AS effective_cost
    FROM spends
    GROUP BY 1, 2, 3, 4, 5
),
dated_days AS (
    SELECT
        *,
        min(CASE WHEN round(effective_cost, 6) >= $trial_daily_cost_usd THEN charge_date END)
            OVER (PARTITION BY sub_account_id, ai_family, model) AS first_day
    FROM product_days
),
account_days AS (
    SELECT sub_account_id, min(charge_date) AS account_began
    FROM completeness
    GROUP BY 1
),
new_products AS (
    SELECT DISTINCT
        days.sub_account_id,
        days.ai_family,
        days.model,
        days.model_family,
        days.first_day
    FROM dated_days AS days
    INNER JOIN account_days ON days.sub_account_id IS NOT DISTINCT FROM account_days.sub_account_id
    CROSS JOIN (SELECT count(*) AS use_cases FROM plans WHERE kind = 'use case') AS announced
    WHERE announced.use_cases > 0
        AND date_diff('day', account_days.account_began, days.first_day) >= $warm_up_days
        AND date_diff('day', days.first_day, $as_of) <= $new_days
),
lookbacks AS (
    SELECT
        products.sub_account_id,
        products.ai_family,
        products.model,
        products.model_family,
        products.first_day,
        min(completeness.charge_date) AS since,
        max(completeness.charge_date) AS last_day,
        count(*) AS days
    FROM new_products AS products
    INNER JOIN completeness
        ON products.sub_account_id IS NOT DISTINCT FROM completeness.sub_account_id
        AND completeness.settled_recency <= $lookback_days
        AND completeness.charge_date >= products.first_day
    GROUP BY 1, 2, 3, 4, 5
),
family_tokens AS (                                            -- tokens a day of the older and the newer models of a family
    SELECT
        lookbacks.sub_account_id,
        lookbacks.model,
        sum(CASE
            WHEN coalesce(family.first_day < lookbacks.first_day, true)
                AND date_diff('day', family.charge_date, lookbacks.first_day) BETWEEN 1 AND $days_before
                THEN family.million_tokens ELSE 0
        END) / $days_before AS older_before,
        sum(CASE
            WHEN coalesce(family.first_day < lookbacks.first_day, true)
                AND family.charge_date BETWEEN lookbacks.since AND lookbacks.last_day
                THEN family.million_tokens / lookbacks.days ELSE 0
        END) AS older_now,
        sum(CASE
            WHEN family.first_day >= lookbacks.first_day
                AND family.charge_date BETWEEN lookbacks.since AND lookbacks.last_day
                THEN family.million_tokens / lookbacks.days ELSE 0
        END) AS newer_now
    FROM lookbacks
    INNER JOIN dated_days AS family
        ON lookbacks.sub_account_id IS NOT DISTINCT FROM family.sub_account_id
        AND lookbacks.ai_family = family.ai_family
        AND lookbacks.model_family = family.model_family
    WHERE lookbacks.model <> ''
    GROUP BY 1, 2
),
unnamed_spends AS (
    SELECT
        lookbacks.sub_account_id,
        lookbacks.ai_family,
        lookbacks.model,
        lookbacks.first_day,
        lookbacks.last_day,
        lookbacks.days,
        spends.charge_date,
        spends.service_name,
        coalesce(spends.region_id, 'no region') AS region,
        spends.tags,
        spends.million_tokens,
        spends.effective_cost
    FROM lookbacks
    INNER JOIN spends
        ON lookbacks.sub_account_id IS NOT DISTINCT FROM spends.sub_account_id
        AND lookbacks.ai_family = spends.ai_family
        AND lookbacks.model = spends.model
        AND spends.charge_date BETWEEN lookbacks.since AND lookbacks.last_day
    LEFT JOIN named_tags ON spends.tags = named_tags.tags
    LEFT JOIN named_accounts ON spends.sub_account_id = named_accounts.sub_account_id
    LEFT JOIN named_resources ON spends.resource_id = named_resources.resource_id
    WHERE named_tags.tags IS NULL
        AND named_accounts.sub_account_id IS NULL
        AND named_resources.resource_id IS NULL
),
launches_found AS (
    SELECT
        sub_account_id,
        ai_family,
        model,
        first_day,
        last_day,
        min(service_name) AS service_name,
        max_by(tags, effective_cost) FILTER (WHERE tags IS NOT NULL) AS tags,
        array_agg(DISTINCT region ORDER BY region) AS regions,
        sum(million_tokens) / min(days) AS daily_million_tokens,
        sum(effective_cost) / min(days) AS daily_cost
    FROM unnamed_spends
    GROUP BY 1, 2, 3, 4, 5
    HAVING count(DISTINCT charge_date) >= $least_days
)
SELECT
    found.sub_account_id,
    CAST(NULL AS varchar) AS region_id,
    CASE WHEN found.model <> '' THEN 'model ' || found.model END AS resource_id,
    found.daily_cost * 30 AS monthly_cost,
    found.service_name,
    found.tags,
    CASE
        WHEN found.model <> '' THEN found.model
        WHEN found.ai_family = 'bedrock' THEN 'Amazon Bedrock (charges other than tokens)'
        ELSE coalesce(found.service_name, found.ai_family)
    END AS product,
    nullif(found.model, '') AS model,
    found.ai_family,
    found.daily_cost,
    nullif(found.daily_million_tokens, 0) AS daily_million_tokens,
    found.regions,
    found.first_day,
    found.last_day
FROM launches_found AS found
LEFT JOIN family_tokens
    ON found.sub_account_id IS NOT DISTINCT FROM family_tokens.sub_account_id
    AND found.model = family_tokens.model
WHERE round(found.daily_cost, 6) >= $least_daily_cost_usd
    AND NOT (                                                 -- the tokens moved here from older models of the family
        coalesce(family_tokens.older_before, 0) > 0
        AND family_tokens.older_before - family_tokens.older_now >= $moved_share * family_tokens.newer_now
        AND family_tokens.older_before - family_tokens.older_now >= $left_share * family_tokens.older_before
    )
ORDER BY monthly_cost DESC, found.sub_account_id, found.service_name, resource_id
