/*
title     = "Batch-eligible inference at on-demand price"
category  = "waste"
ai_families = ["bedrock"]
schedule  = "daily"
why       = """
Bedrock batch inference costs half the on-demand price. A batch job reads prompts from a file in S3 and writes the
responses to S3 within a day. Nightly enrichment, evaluations and backfills rarely need immediate responses.
"""
reason    = "{workload} used {million_tokens} million input and output tokens of {models} in the last {lookback_days} days. Batch-eligible because {why_batchable}. At the on-demand price, the tokens cost {monthly_on_demand_cost} {currency}/month. Estimated potential savings with batch inference: {monthly_cost} {currency}/month."
action    = """
1. Confirm with the owner that no person or agent waits for the responses.
2. Check that the model supports batch inference in {region_id}: https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-supported.html
3. Write the prompts to S3 as JSON Lines and run one job: aws bedrock create-model-invocation-job --region {region_id} --job-name NAME --model-id MODEL --role-arn ROLE --input-data-config ... --output-data-config ...
   If batch inference is not possible, use the flex tier for calls that can wait several minutes; the flex tier costs less than on-demand inference.
"""
blind_spots = [
  "The potential savings are an estimate: half the cost of input and output tokens. If a workload uses prompt caching, the savings are lower, because batch inference does not support prompt caching.",
  "The bill is evaluated by day, so a job that runs every night cannot be distinguished from a job that runs all day. A job that runs every night is therefore reported only if it has a tag such as batch or nightly.",
  "Not every model supports batch inference, and a batch job needs at least 100 prompts. focuswatch does not check these requirements, so it can report usage that cannot move to batch inference.",
  "If a workload has a tag such as batch or nightly, the detection assumes that the tag is correct.",
]
sources   = [
  "https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html",
  "https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html",
  "https://aws.amazon.com/bedrock/pricing/",
]
[parameters]
lookback_days = 28             # four weeks, so that each weekday occurs four times
batch_words = "(^|[^a-z])(batch|offline|nightly|bulk|backfill|etl)([^a-z]|$)"
most_weekdays = 2              # maximum number of weekdays with most of the usage; interactive usage covers all working days
least_weekday_share = 0.9
least_active_days = 4
most_week_share = 0.7          # maximum share of one week; a weekly schedule has a quarter of its tokens in each of four weeks
least_monthly_cost_usd = 25.0  # minimum savings; smaller savings are not worth the effort
saving = 0.5                   # batch inference costs 50% of on demand: https://aws.amazon.com/bedrock/pricing/
[needs]
charges = "ai_family = 'bedrock' AND regexp_like(SkuMeter, '(?i)token')"
history_days = 28
*/
WITH tokens AS (
    SELECT
        charges.*,
        lookbacks.charge_date AS first_day,
        lookbacks.last_settled_day AS last_day,
        coalesce(regexp_like(
            lower(array_join(map_keys(charges.tags) || map_values(charges.tags), ' ')), $batch_words
        ), false) AS is_tagged
    FROM token_charges AS charges
    INNER JOIN completeness AS lookbacks
        ON charges.sub_account_id IS NOT DISTINCT FROM lookbacks.sub_account_id
        AND lookbacks.settled_recency = $lookback_days  -- a younger account has no such day
        AND charges.charge_date BETWEEN lookbacks.charge_date AND lookbacks.last_settled_day
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND charges.token_kind IN ('input', 'output')      -- batch inference has no cache
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
    WHERE tokens.tier = 'on demand'                        -- flex already costs less; priority is chosen for users who wait
        AND batch_models.is_batched IS NULL                -- a model that already runs as batch is not reported
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
weeks AS (
    SELECT
        sub_account_id,
        region_id,
        service_name,
        resource_id,
        is_tagged,
        date_diff('day', charge_date, last_day) - mod(date_diff('day', charge_date, last_day), 7) AS days_back,
        sum(million_tokens) AS million_tokens
    FROM workload_days
    GROUP BY 1, 2, 3, 4, 5, 6
),
largest_weeks AS (
    SELECT
        sub_account_id,
        region_id,
        service_name,
        resource_id,
        is_tagged,
        max(million_tokens) / sum(million_tokens) AS week_share
    FROM weeks
    GROUP BY 1, 2, 3, 4, 5
),
rhythms AS (
    SELECT
        weekdays.sub_account_id,
        weekdays.region_id,
        weekdays.service_name,
        weekdays.resource_id,
        weekdays.is_tagged,
        sum(CASE WHEN weekdays.place <= $most_weekdays THEN weekdays.million_tokens ELSE 0 END)
            / sum(weekdays.million_tokens) AS weekday_share,
        max(largest_weeks.week_share) AS week_share
    FROM weekdays
    INNER JOIN largest_weeks
        ON weekdays.sub_account_id IS NOT DISTINCT FROM largest_weeks.sub_account_id
        AND weekdays.region_id IS NOT DISTINCT FROM largest_weeks.region_id
        AND weekdays.service_name IS NOT DISTINCT FROM largest_weeks.service_name
        AND weekdays.resource_id IS NOT DISTINCT FROM largest_weeks.resource_id
        AND weekdays.is_tagged = largest_weeks.is_tagged
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
        rhythms.week_share,
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
    GROUP BY 1, 2, 3, 4, 5, 6, 7
    HAVING workload_days.is_tagged
        OR (
            round(rhythms.weekday_share, 9) >= $least_weekday_share
            AND round(rhythms.week_share, 9) <= $most_week_share  -- a move between models is no schedule
            AND count(*) >= $least_active_days
        )
)
SELECT
    sub_account_id,
    region_id,
    resource_id,
    sum(effective_cost) / $lookback_days * 30 * $saving AS monthly_cost,
    service_name,
    coalesce(resource_id, 'Calls without an inference profile') AS workload,
    CASE
        WHEN bool_or(is_tagged) THEN 'the tags identify batch work'
        ELSE 'most tokens are used on the same few weekdays every week'
    END AS why_batchable,
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
