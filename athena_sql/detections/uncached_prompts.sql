/*
title     = "Repeated prompts without prompt caching"
category  = "waste"
schedule  = "daily"
why       = """
Agents, chats and retrieval send the same instructions, tools and documents with each call. Bedrock reads a cached prefix at about
a tenth of the input price, but only for calls that set a cache checkpoint.
"""
reason    = "{workload} used {million_input_tokens} million input tokens of {models} on {active_days} of {lookback_days} days, {cached_percent}% of them through the prompt cache; input cost {monthly_input_cost} {currency}/month. Estimated potential savings with prompt caching, if {repeated_percent}% of the input is repeated: {monthly_cost} {currency}/month."
action    = """
1. Confirm with the owner that calls share a prefix (instructions, tool definitions, documents) and follow each other within five minutes.
2. Compare the length of the prefix with the minimum of the model: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
3. Move the parts that do not change to the start of the prompt, and set a cache checkpoint (cachePoint) after them. The metric CacheReadInputTokenCount in AWS/Bedrock shows the effect within minutes.
"""
blind_spots = [
  "The bill does not show how much of a prompt is repeated. The estimate assumes that half of the input tokens are, and that each cached prefix is written once for four reads.",
  "A prompt shorter than the minimum of its model (1,024 to 4,096 tokens) cannot be cached; the bill does not show the length of prompts.",
  "A model is evaluated only if the bill contains its cache reads and cache writes, in any account, because the estimate uses their prices.",
  "Batch, flex and priority inference are not evaluated, and neither is a workload with less than four input tokens for each output token.",
]
sources   = [
  "https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html",
  "https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-understanding-cur-data.html",
  "https://aws.amazon.com/bedrock/pricing/",
]
[parameters]
lookback_days = 14
price_days = 56                # days whose cache charges show the prices of a model
least_active_days = 7          # of the lookback: steady use, on working days at least
most_cached_share = 0.05       # of the input tokens
least_input_per_output = 4.0   # text generation has more output; its prompts are rarely repeated
repeated_share = 0.5           # of the input; agents and retrieval repeat more
reads_a_write = 4.0            # a cached prefix that is read more often saves more
least_monthly_cost_usd = 25.0  # of savings; less is not worth the effort
[needs]
charges = "ai_family = 'bedrock' AND regexp_like(SkuMeter, '(?i)cache[-_]?(read|write)')"
columns = ["ConsumedQuantity"]
history_days = 14
*/
WITH prices AS (
    SELECT
        model,
        sum(CASE WHEN token_kind = 'cache read' THEN effective_cost END)
            / nullif(sum(CASE WHEN token_kind = 'cache read' THEN million_tokens END), 0) AS read_price,
        sum(CASE WHEN token_kind = 'cache write' THEN effective_cost END)
            / nullif(sum(CASE WHEN token_kind = 'cache write' THEN million_tokens END), 0) AS write_price
    FROM token_charges
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $price_days AS date)
        AND charge_date < $as_of
        AND tier = 'on demand'
        AND effective_cost > 0                                 -- free use has no price
    GROUP BY 1
),
workloads AS (
    SELECT
        charges.sub_account_id,
        charges.region_id,
        charges.service_name,
        charges.resource_id,
        charges.model,
        lookbacks.charge_date AS first_day,
        lookbacks.last_settled_day AS last_day,
        max_by(charges.tags, charges.charge_date) FILTER (WHERE cardinality(charges.tags) > 0) AS tags,
        count(DISTINCT CASE WHEN charges.token_kind = 'input' THEN charges.charge_date END) AS active_days,
        sum(CASE WHEN charges.token_kind = 'input' THEN charges.million_tokens ELSE 0 END) AS input_tokens,
        sum(CASE WHEN charges.token_kind = 'input' THEN charges.effective_cost ELSE 0 END) AS input_cost,
        sum(CASE WHEN charges.token_kind = 'output' THEN charges.million_tokens ELSE 0 END) AS output_tokens,
        sum(CASE WHEN charges.token_kind IN ('cache read', 'cache write') THEN charges.million_tokens ELSE 0 END)
            AS cached_tokens
    FROM token_charges AS charges
    INNER JOIN completeness AS lookbacks
        ON charges.sub_account_id IS NOT DISTINCT FROM lookbacks.sub_account_id
        AND lookbacks.settled_recency = $lookback_days         -- a younger account has no such day
        AND charges.charge_date BETWEEN lookbacks.charge_date AND lookbacks.last_settled_day
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND charges.tier = 'on demand'
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
savings AS (
    SELECT
        workloads.*,
        $repeated_share * (
            workloads.input_cost
            - workloads.input_tokens * (prices.write_price + $reads_a_write * prices.read_price) / (1 + $reads_a_write)
        ) AS saving
    FROM workloads
    INNER JOIN prices
        ON workloads.model = prices.model
    WHERE workloads.active_days >= $least_active_days
        AND workloads.cached_tokens <= $most_cached_share * (workloads.input_tokens + workloads.cached_tokens)
        AND workloads.input_tokens >= $least_input_per_output * workloads.output_tokens
)
SELECT
    sub_account_id,
    region_id,
    resource_id,
    sum(saving) / $lookback_days * 30 AS monthly_cost,
    service_name,
    coalesce(resource_id, 'Calls without an inference profile') AS workload,
    array_agg(DISTINCT model ORDER BY model) AS models,
    sum(input_tokens) AS million_input_tokens,
    sum(input_cost) / $lookback_days * 30 AS monthly_input_cost,
    CAST(round(100 * sum(cached_tokens) / sum(input_tokens + cached_tokens)) AS integer) AS cached_percent,
    CAST(round(100 * $repeated_share) AS integer) AS repeated_percent,
    max_by(tags, input_cost) FILTER (WHERE tags IS NOT NULL) AS tags,
    max(active_days) AS active_days,
    $lookback_days AS lookback_days,
    min(first_day) AS first_day,
    max(last_day) AS last_day
FROM savings
WHERE saving > 0                                               -- a model with a dear cache saves nothing
GROUP BY sub_account_id, region_id, service_name, resource_id
HAVING round(sum(saving) / $lookback_days * 30, 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, sub_account_id, region_id, service_name, resource_id
