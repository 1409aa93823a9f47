/*
title     = "Work that could wait buys its tokens at the price of an answer at once"
category  = "waste"
schedule  = "daily"
why       = """
Bedrock answers the same prompts for half the price where they may take until tomorrow: batch inference, a file of
prompts in S3 and a file of answers back. Nightly enrichment, evaluations and backfills rarely need more.
"""
reason    = "{workload} bought {million_tokens} million input and output tokens of {models} on demand in {lookback_days} days, {why_batchable}: {monthly_on_demand_cost} {currency} a month. As batch the same would save an estimated {monthly_cost}."
action    = """
1. Does anybody wait for the answers? Ask the owner; what a person or an agent waits for stays.
2. Is the model offered as batch in {region_id}? https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-supported.html
3. Write the prompts to S3 as JSON lines and run them together: aws bedrock create-model-invocation-job --region {region_id} --job-name NAME --model-id MODEL --role-arn ROLE --input-data-config ... --output-data-config ...
   Where a job must stay a call, the flex tier is cheaper too, for whoever can wait some minutes.
"""
blind_spots = [
  "The saving is an estimate: half of what input and output cost. A job that lives on cached prompts saves less.",
  "daily_charges knows days, not hours: a job that runs every night looks like one that answers all day, unless a tag says what it is.",
  "Not every model is offered as batch, and a job needs at least 100 prompts.",
  "A tag that says batch and lies is believed.",
]
sources   = [
  "https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html",
  "https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html",
  "https://aws.amazon.com/bedrock/pricing/",
]
[parameters]
lookback_days = 28             # four of each weekday
batch_words = "(^|[^a-z])(batch|offline|nightly|bulk|backfill|etl)([^a-z]|$)"
most_weekdays = 2              # a schedule; who asks comes on working days
least_weekday_share = 0.9
least_active_days = 4
least_monthly_cost_usd = 25.0  # of saving: less is not worth the work
saving = 0.5                   # https://aws.amazon.com/bedrock/pricing/ : batch, 50 % of on demand
*/
WITH lookbacks AS (
    SELECT sub_account_id, min(charge_date) AS first_day, max(charge_date) AS last_day
    FROM completeness
    WHERE settled_recency <= $lookback_days
    GROUP BY sub_account_id
    HAVING count(*) = $lookback_days                       -- a rhythm of weeks needs four
),
tokens AS (
    SELECT
        charges.*,
        lookbacks.first_day,
        lookbacks.last_day,
        coalesce(regexp_like(
            lower(array_join(map_keys(charges.tags) || map_values(charges.tags), ' ')), $batch_words
        ), false) AS is_tagged
    FROM token_charges AS charges
    INNER JOIN lookbacks
        ON charges.sub_account_id IS NOT DISTINCT FROM lookbacks.sub_account_id
        AND charges.charge_date BETWEEN lookbacks.first_day AND lookbacks.last_day
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND charges.token_kind IN ('input', 'output')      -- batch has no cache
),
batch_models AS (
    SELECT DISTINCT sub_account_id, model, true AS is_batched
    FROM tokens
    WHERE tier = 'batch'
),
workload_days AS (
    SELECT
        tokens.sub_account_id,
        tokens.region_id,
        tokens.service_name,
        tokens.resource_id,
        tokens.is_tagged,
        tokens.charge_date,
        tokens.first_day,
        tokens.last_day,
        array_agg(DISTINCT tokens.model ORDER BY tokens.model) AS models,
        max_by(tokens.tags, tokens.million_tokens) FILTER (WHERE cardinality(tokens.tags) > 0) AS tags,
        sum(tokens.million_tokens) AS million_tokens,
        sum(tokens.effective_cost) AS effective_cost
    FROM tokens
    LEFT JOIN batch_models
        ON tokens.sub_account_id IS NOT DISTINCT FROM batch_models.sub_account_id
        AND tokens.model = batch_models.model
    WHERE tokens.tier = 'on demand'                        -- flex is cheap already, priority is bought by who waits
        AND batch_models.is_batched IS NULL                -- who batches this model knows what can be batched
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
),
weekdays AS (
    SELECT
        sub_account_id,
        region_id,
        service_name,
        resource_id,
        is_tagged,
        day_of_week(charge_date) AS weekday,
        sum(million_tokens) AS million_tokens,
        row_number() OVER (
            PARTITION BY sub_account_id, region_id, service_name, resource_id, is_tagged
            ORDER BY sum(million_tokens) DESC, day_of_week(charge_date)
        ) AS place
    FROM workload_days
    GROUP BY 1, 2, 3, 4, 5, 6
),
rhythms AS (
    SELECT
        sub_account_id,
        region_id,
        service_name,
        resource_id,
        is_tagged,
        sum(CASE WHEN place <= $most_weekdays THEN million_tokens ELSE 0 END) / sum(million_tokens) AS weekday_share
    FROM weekdays
    GROUP BY 1, 2, 3, 4, 5
),
workloads AS (
    SELECT
        workload_days.sub_account_id,
        workload_days.region_id,
        workload_days.service_name,
        workload_days.resource_id,
        workload_days.is_tagged,
        rhythms.weekday_share,
        min(workload_days.first_day) AS first_day,
        max(workload_days.last_day) AS last_day,
        max_by(workload_days.models, workload_days.million_tokens) FILTER (WHERE workload_days.models IS NOT NULL) AS models,
        max_by(workload_days.tags, workload_days.charge_date) FILTER (WHERE workload_days.tags IS NOT NULL) AS tags,
        count(*) AS active_days,
        sum(workload_days.million_tokens) AS million_tokens,
        sum(workload_days.effective_cost) AS effective_cost
    FROM workload_days
    INNER JOIN rhythms
        ON workload_days.sub_account_id IS NOT DISTINCT FROM rhythms.sub_account_id
        AND workload_days.region_id IS NOT DISTINCT FROM rhythms.region_id
        AND workload_days.service_name IS NOT DISTINCT FROM rhythms.service_name
        AND workload_days.resource_id IS NOT DISTINCT FROM rhythms.resource_id
        AND workload_days.is_tagged = rhythms.is_tagged
    GROUP BY 1, 2, 3, 4, 5, 6
    HAVING workload_days.is_tagged
        OR (round(rhythms.weekday_share, 9) >= $least_weekday_share AND count(*) >= $least_active_days)
)
SELECT
    sub_account_id,
    region_id,
    resource_id,
    sum(effective_cost) / $lookback_days * 30 * $saving AS monthly_cost,
    service_name,
    coalesce(resource_id, 'What is called without a profile') AS workload,
    CASE WHEN bool_or(is_tagged) THEN 'and its tags say that it is a batch' ELSE 'on the same days of every week' END
        AS why_batchable,
    sum(effective_cost) / $lookback_days * 30 AS monthly_on_demand_cost,
    sum(million_tokens) AS million_tokens,
    max_by(models, effective_cost) FILTER (WHERE models IS NOT NULL) AS models,
    max_by(tags, effective_cost) FILTER (WHERE tags IS NOT NULL) AS tags,
    sum(active_days) AS active_days,
    max_by(weekday_share, effective_cost) FILTER (WHERE weekday_share IS NOT NULL) AS weekday_share,
    $lookback_days AS lookback_days,
    min(first_day) AS first_day,
    max(last_day) AS last_day
FROM workloads
GROUP BY sub_account_id, region_id, service_name, resource_id
HAVING round(sum(effective_cost) / $lookback_days * 30 * $saving, 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, sub_account_id, region_id, service_name, resource_id
