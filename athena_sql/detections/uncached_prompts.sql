/*
title     = "Repeated prompts without prompt caching"
category  = "waste"
ai_families = ["bedrock"]
schedule  = "daily"
why       = """
Agents, chat applications and retrieval applications send the same instructions, tools and documents with each call.
Reading a cached prefix costs about a tenth of the input price, but Bedrock uses the cache only for calls that set a
cache checkpoint.
"""
reason    = "{workload} sent {million_input_tokens} million input tokens to {models}, on {active_days} of {lookback_days} days. Cache reads and cache writes were {cached_percent}% of all input tokens. The input tokens cost {monthly_input_cost} {currency}/month. Estimated potential savings with prompt caching, if {repeated_percent}% of the input is repeated: {monthly_cost} {currency}/month."
action    = """
1. Confirm with the owner that calls share a prefix (instructions, tool definitions, documents) and follow each other within five minutes.
2. Compare the length of the prefix with the minimum length for the model: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
3. Move the parts that do not change to the start of the prompt, and set a cache checkpoint (cachePoint) after these parts. Within minutes, the CloudWatch metric CacheReadInputTokenCount (namespace AWS/Bedrock) shows how many tokens are read from the cache.
"""
blind_spots = [
  "The bill does not show how much of a prompt is repeated, so the estimate assumes that half of the input tokens are repeated, and that each cached prefix is read four times per write.",
  "A prompt shorter than the minimum length for its model (1,024 to 4,096 tokens) cannot be cached. The bill does not show the length of prompts, so the estimate also includes prompts that are too short to cache, and can be too high.",
  "A model is evaluated only if the bill contains cache reads and cache writes of the model in at least one account, because the estimate uses their prices.",
  "Batch, flex and priority inference are not evaluated.",
  "A workload with fewer than four input tokens per output token is not evaluated.",
]
sources   = [
  "https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html",
  "https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-understanding-cur-data.html",
  "https://aws.amazon.com/bedrock/pricing/",
]
[parameters]
least_active_days = 7          # minimum number of days with usage in the lookback period
most_cached_share = 0.05       # maximum share of cache reads and cache writes in all input tokens
least_input_per_output = 4.0   # minimum input tokens per output token; text generation has more output, and its prompts are rarely repeated
repeated_share = 0.5           # assumed share of repeated input tokens; agents and retrieval repeat more of their input
reads_a_write = 4.0            # assumed number of reads of a cached prefix per write; more reads save more
least_monthly_cost_usd = 25.0  # minimum savings; smaller savings are not worth the effort
[needs]
charges = "ai_family = 'bedrock' AND regexp_like(SkuMeter, '(?i)cache[-_]?(read|write)')"
columns = ["ConsumedQuantity"]
history_days = 14
*/
WITH savings AS (
    SELECT
        *,
        $repeated_share * (
            input_cost - input_tokens * (write_price + $reads_a_write * read_price) / (1 + $reads_a_write)
        ) AS saving                                            -- null without cache prices
    FROM token_workloads
    WHERE input_days >= $least_active_days
        AND read_tokens + written_tokens <= $most_cached_share * (input_tokens + read_tokens + written_tokens)
        AND input_tokens >= $least_input_per_output * output_tokens
)
SELECT
    sub_account_id,
    region_id,
    resource_id,
    sum(saving) / max(lookback_days) * 30 AS monthly_cost,
    service_name,
    coalesce(resource_id, 'Calls without an inference profile') AS workload,
    array_agg(DISTINCT model ORDER BY model) AS models,
    sum(input_tokens) AS million_input_tokens,
    sum(input_cost) / max(lookback_days) * 30 AS monthly_input_cost,
    CAST(round(
        100 * sum(read_tokens + written_tokens) / sum(input_tokens + read_tokens + written_tokens)
    ) AS integer) AS cached_percent,
    CAST(round(100 * $repeated_share) AS integer) AS repeated_percent,
    max_by(tags, input_cost) FILTER (WHERE tags IS NOT NULL) AS tags,
    max(input_days) AS active_days,
    max(lookback_days) AS lookback_days,
    min(first_day) AS first_day,
    max(last_day) AS last_day
FROM savings
WHERE saving > 0                                               -- a model with a dear cache saves nothing
GROUP BY sub_account_id, region_id, service_name, resource_id
HAVING round(sum(saving) / max(lookback_days) * 30, 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, sub_account_id, region_id, service_name, resource_id
