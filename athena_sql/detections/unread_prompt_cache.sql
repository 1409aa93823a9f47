/*
title     = "Prompt cache written but not read"
category  = "waste"
ai_families = ["bedrock"]
schedule  = "daily"
why       = """
A token that is written to the prompt cache costs more than an uncached input token. On Claude models, the price is 1.25
times the input price for a cache lifetime of five minutes, and twice the input price for a cache lifetime of one hour.
A cache write saves money only if later calls read the prefix before it expires. If a timestamp or an ID is near the
start of a prompt, each call writes a new prefix.
"""
reason    = "{workload} wrote {million_written_tokens} million tokens of {models} to the prompt cache on {active_days} of {lookback_days} days and read {million_read_tokens} million tokens from the cache. Prompt caching of these tokens costs {monthly_cache_cost} {currency}/month, which is {monthly_cost} {currency}/month more than the same tokens would cost without caching."
action    = """
1. Compare the start of several prompts of this workload to find content that differs between calls, such as a date, a user or a request ID. Move this content after the last cache checkpoint.
2. Check that calls with the same prefix follow each other within the lifetime of the cache (five minutes, or one hour if requested).
3. If prompts do not repeat, remove the cache checkpoints (cachePoint) from the calls: the tokens are then billed as input.
"""
blind_spots = [
  "If the bill contains no input tokens of the model, the input price is assumed to be the cache write price divided by 1.25.",
  "Cache reads under another inference profile are not attributed to the profile that wrote the cache, so focuswatch might report a cache as unread although calls read the cache.",
  "The amount in the finding is the additional cost of caching. To save this amount, remove the cache checkpoints. If you change the prompts so that later calls read the cache, you save more.",
  "A cache that is written on fewer than seven of the last 14 days is not reported.",
]
sources   = [
  "https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html",
  "https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-understanding-cur-data.html",
  "https://aws.amazon.com/bedrock/pricing/",
]
[parameters]
least_active_days = 7
most_reads_a_write = 0.1       # maximum cache reads per cache write; caching saves money from about 0.3 reads per write
write_multiple = 1.25          # price of a cache write as a multiple of the input price, the lower of two: https://aws.amazon.com/bedrock/pricing/
least_monthly_cost_usd = 25.0
[needs]
charges = "ai_family = 'bedrock' AND regexp_like(SkuMeter, '(?i)cache[-_]?write')"
columns = ["ConsumedQuantity"]
history_days = 14
*/
WITH unread_caches AS (
    SELECT
        *,
        read_cost + write_cost AS cache_cost,
        read_cost + write_cost - (written_tokens + read_tokens) * coalesce(
            input_price,
            write_cost / written_tokens / $write_multiple
        ) AS premium                                           -- above the same tokens as input
    FROM token_workloads
    WHERE write_days >= $least_active_days
        AND written_tokens > 0
        AND read_tokens <= $most_reads_a_write * written_tokens
)
SELECT
    sub_account_id,
    region_id,
    resource_id,
    sum(premium) / max(lookback_days) * 30 AS monthly_cost,
    service_name,
    coalesce(resource_id, 'Calls without an inference profile') AS workload,
    array_agg(DISTINCT model ORDER BY model) AS models,
    sum(written_tokens) AS million_written_tokens,
    sum(read_tokens) AS million_read_tokens,
    sum(cache_cost) / max(lookback_days) * 30 AS monthly_cache_cost,
    max_by(tags, cache_cost) FILTER (WHERE tags IS NOT NULL) AS tags,
    max(write_days) AS active_days,
    max(lookback_days) AS lookback_days,
    min(first_day) AS first_day,
    max(last_day) AS last_day
FROM unread_caches
WHERE premium > 0                                              -- on some models a write costs no more than input
GROUP BY sub_account_id, region_id, service_name, resource_id
HAVING round(sum(premium) / max(lookback_days) * 30, 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, sub_account_id, region_id, service_name, resource_id
