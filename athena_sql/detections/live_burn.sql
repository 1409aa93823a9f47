/*
title     = "Hourly token spend spike (estimate)"
category  = "anomaly"
names     = "amount"
schedule  = "every_refresh"
estimate  = true
why       = """
A runaway agent or a leaked key can cost hundreds of USD an hour, and the bill shows it a day later. CloudWatch counts tokens within
minutes. Tokens of an hour times the last price on the bill are an estimate of what the hour costs. The estimate is compared with the same
hour of previous days, and with the budget per day of a use case or team.
"""
reason    = "{subject}: estimated {hourly_cost} {currency} per hour at {last_hour}. {compared_with}: {compared_cost} {currency}. Estimated cost above that since {first_hour}: {estimated_excess} {currency}. Estimate: tokens counted by CloudWatch × last price on the bill; the bill replaces it once the day is complete."
action    = """
1. Identify the caller in the Bedrock invocation log or CloudTrail of {first_hour} and later.
2. If the usage is not intentional, stop the workload, or remove bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream from the caller's role. If a key leaked, disable it first.
3. If the usage is intentional, announce it as a launch in owners.toml (focuswatch note prints the section), or raise monthly_budget.
"""
blind_spots = [
  "The amount is an estimate: it assumes the last price on the bill for the model and the kind of token, including discounts. Changed prices, and shares of regional, global, flex and priority inference that differ from that day, make the bill differ.",
  "CloudWatch does not count batch inference, Provisioned Throughput, imported and custom models, models of Bedrock Marketplace (endpoints billed by the hour), and calls of the endpoint bedrock-mantle with these metrics.",
  "A model without a price on the bill is not evaluated; the report spend_rate shows its tokens as unpriced.",
  "CloudWatch may deliver datapoints late. An hour is read again for six hours.",
  "Hours are compared only if token hours of at least 7 previous days are collected.",
  "A cost that grows slowly, below six times the usual, is found by the daily detections only.",
  "Usage is allocated to use cases and teams by their shares of the last 14 days, so a spike of one workload can count partly for another of the same account and model.",
]
sources   = [
  "https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html",
  "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html",
  "https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-use.html",
]
[parameters]
history_days = 28
least_days = 7                 # of token hours before an hour that is compared
least_ratio = 6.0              # times the usual for the hour
least_hourly_cost_usd = 20.0   # above the usual: 480 USD a day
least_account_share = 0.5      # of the excess must be new to the account; the rest moved from another model
least_plan_ratio = 1.5         # times the usual of the day so far; a budget may be spent on working days only
settle_days = 2                # as in completeness: the bill has replaced estimates of older days
stale_days = 4                 # token hours that ended so long ago are not evaluated
[needs]
charges = "ai_family = 'bedrock' AND regexp_like(SkuMeter, '(?i)token')"
files = ["token_hours"]
*/
WITH workload_hours AS (
    SELECT
        sub_account_id,
        workload,
        hour_number,
        token_date,
        max(resource_id) AS resource_id,
        max_by(service_name, estimated_cost) FILTER (WHERE service_name IS NOT NULL) AS service_name,
        max_by(model, estimated_cost) FILTER (WHERE model IS NOT NULL) AS model,
        max_by(meters, estimated_cost) FILTER (WHERE meters IS NOT NULL) AS meters,
        array_agg(DISTINCT region_id ORDER BY region_id) FILTER (WHERE region_id IS NOT NULL) AS regions,
        sum(estimated_cost) AS cost
    FROM spend_hours
    GROUP BY 1, 2, 3, 4
),
spans AS (
    SELECT
        min(hour_number) AS first_hour,
        max(hour_number) AS last_hour,
        max(token_date) AS last_date,
        mod(max(hour_number), 24) AS last_hour_of_day
    FROM workload_hours
),
cost_hours AS (
    SELECT sub_account_id, workload, hour_number, cost FROM workload_hours
    UNION ALL
    SELECT sub_account_id, 'the whole account', hour_number, sum(cost) FROM workload_hours GROUP BY 1, 3
),
large_hours AS (                                                            -- a smaller hour cannot be a spike and needs no baseline
    SELECT workload_hours.*
    FROM workload_hours
    WHERE round(cost, 6) >= $least_hourly_cost_usd
        AND date_diff('day', token_date, $as_of) <= $settle_days
),
evaluated_hours AS (
    SELECT hours.sub_account_id, hours.workload, hours.hour_number, least(hours.hour_number - spans.first_hour, $history_days * 24) AS hours_before
    FROM (
        SELECT sub_account_id, workload, hour_number FROM large_hours
        UNION
        SELECT sub_account_id, 'the whole account', hour_number FROM large_hours
    ) AS hours
    CROSS JOIN spans
    WHERE hours.hour_number - spans.first_hour >= $least_days * 24
),
samples AS (                                                                -- of each previous day, the highest of three hours: jobs shift
    SELECT
        hours.sub_account_id,
        hours.workload,
        hours.hour_number,
        hours.hours_before - mod(hours.hours_before, 24) AS known_hours,
        hours.hour_number - earlier.hour_number + 1 - mod(hours.hour_number - earlier.hour_number + 1, 24) AS sample_hours,
        max(earlier.cost) AS cost
    FROM evaluated_hours AS hours
    LEFT JOIN cost_hours AS earlier
        ON hours.sub_account_id IS NOT DISTINCT FROM earlier.sub_account_id
        AND hours.workload = earlier.workload
        AND earlier.hour_number < hours.hour_number - 22
        AND hours.hour_number - earlier.hour_number <= hours.hours_before + 1
        AND mod(hours.hour_number - earlier.hour_number + 1, 24) <= 2
    GROUP BY 1, 2, 3, 4, 5
),
ranked_samples AS (                                                         -- a day without a row has no calls, and ranks first
    SELECT
        *,
        coalesce(mod(sample_hours, 168) = 0, false) AS is_same_weekday,
        row_number() OVER (PARTITION BY sub_account_id, workload, hour_number ORDER BY cost DESC) AS place,
        row_number() OVER (
            PARTITION BY sub_account_id, workload, hour_number, coalesce(mod(sample_hours, 168) = 0, false) ORDER BY cost DESC
        ) AS weekday_place,
        known_hours / 24 AS days,
        (known_hours - mod(known_hours, 168)) / 168 AS weekdays
    FROM samples
),
levels AS (                                                                 -- the higher of two medians; days rank from the highest
    SELECT
        sub_account_id,
        workload,
        hour_number,
        greatest(
            coalesce(sum(CASE WHEN 2 * place BETWEEN days AND days + 2 THEN cost END)
                / max(CASE WHEN mod(known_hours, 48) = 0 THEN 2E0 ELSE 1E0 END), 0E0),
            coalesce(sum(CASE WHEN is_same_weekday AND weekdays >= 3 AND 2 * weekday_place BETWEEN weekdays AND weekdays + 2 THEN cost END)
                / max(CASE WHEN mod(weekdays, 2) = 0 THEN 2E0 ELSE 1E0 END), 0E0)
        ) AS usual_cost
    FROM ranked_samples
    GROUP BY 1, 2, 3
),
workload_tags AS (
    SELECT sub_account_id, workload, max_by(tags, effective_cost) FILTER (WHERE cardinality(tags) > 0) AS tags
    FROM token_owners
    GROUP BY 1, 2
),
launched_hours AS (                                                         -- cost up to `factor` times the usual is planned
    SELECT hours.sub_account_id, hours.workload, hours.hour_number, max(launches.factor) AS factor
    FROM large_hours AS hours
    INNER JOIN launches ON hours.token_date BETWEEN launches.first_day AND launches.last_day
    LEFT JOIN token_owners
        ON hours.sub_account_id IS NOT DISTINCT FROM token_owners.sub_account_id
        AND hours.workload = token_owners.workload
        AND launches.use_case = token_owners.use_case
    LEFT JOIN plan_rules AS rules                                           -- also before the bill has the first charge
        ON launches.use_case = rules.use_case
        AND (
            (rules.rule = 'account' AND rules.value = hours.sub_account_id)
            OR (
                rules.rule = 'resource' AND starts_with(hours.resource_id, rules.value)
                AND (rules.key IS NOT NULL OR hours.resource_id = rules.value)
            )
        )
    WHERE token_owners.use_case IS NOT NULL OR rules.use_case IS NOT NULL
    GROUP BY 1, 2, 3
),
weighed_hours AS (
    SELECT
        hours.*,
        own.usual_cost,
        hours.cost - own.usual_cost AS excess,
        account_hours.cost - account.usual_cost AS account_excess,
        coalesce(launched.factor, 0) * CASE WHEN own.usual_cost > 0 THEN own.usual_cost ELSE account.usual_cost END AS planned_cost
    FROM large_hours AS hours
    INNER JOIN levels AS own
        ON hours.sub_account_id IS NOT DISTINCT FROM own.sub_account_id
        AND hours.workload = own.workload
        AND hours.hour_number = own.hour_number
    INNER JOIN levels AS account
        ON hours.sub_account_id IS NOT DISTINCT FROM account.sub_account_id
        AND account.workload = 'the whole account'
        AND hours.hour_number = account.hour_number
    INNER JOIN cost_hours AS account_hours
        ON hours.sub_account_id IS NOT DISTINCT FROM account_hours.sub_account_id
        AND account_hours.workload = 'the whole account'
        AND hours.hour_number = account_hours.hour_number
    LEFT JOIN launched_hours AS launched
        ON hours.sub_account_id IS NOT DISTINCT FROM launched.sub_account_id
        AND hours.workload = launched.workload
        AND hours.hour_number = launched.hour_number
),
spike_hours AS (
    SELECT
        weighed_hours.*,
        spans.last_hour,
        row_number() OVER (
            PARTITION BY weighed_hours.sub_account_id, weighed_hours.workload ORDER BY weighed_hours.hour_number DESC
        ) AS recency
    FROM weighed_hours
    CROSS JOIN spans
    WHERE round(cost, 9) >= round($least_ratio * usual_cost, 9)
        AND round(excess, 6) >= $least_hourly_cost_usd
        AND account_excess >= $least_account_share * excess
        AND cost > planned_cost
),
spikes AS (
    SELECT
        sub_account_id,
        workload,
        max(CASE WHEN recency = 1 THEN service_name END) AS service_name,
        max(CASE WHEN recency = 1 THEN model END) AS model,
        max_by(meters, hour_number) FILTER (WHERE meters IS NOT NULL) AS meters,
        max_by(regions, hour_number) FILTER (WHERE regions IS NOT NULL) AS regions,
        max(CASE WHEN recency = 1 THEN cost END) AS hourly_cost,
        max(CASE WHEN recency = 1 THEN usual_cost END) AS usual_cost,
        max(CASE WHEN recency = 1 THEN excess END) AS hourly_excess,
        sum(excess) AS excess,
        count(*) AS spike_hours,
        min(hour_number) AS first_number,
        max(hour_number) AS last_number,
        min(token_date) AS first_day,
        max(token_date) AS last_day,
        max(last_hour) - max(hour_number) <= 1 AS is_current                -- the newest hour may not be complete
    FROM spike_hours
    GROUP BY 1, 2
),
plan_shares AS (
    SELECT
        owners.sub_account_id,
        owners.workload,
        plans.plan,
        plans.kind,
        plans.team,
        plans.monthly_budget,
        sum(owners.effective_cost) / max(totals.effective_cost) AS share
    FROM token_owners AS owners
    INNER JOIN (
        SELECT sub_account_id, workload, sum(effective_cost) AS effective_cost FROM token_owners GROUP BY 1, 2
    ) AS totals
        ON owners.sub_account_id IS NOT DISTINCT FROM totals.sub_account_id
        AND owners.workload = totals.workload
        AND totals.effective_cost > 0
    INNER JOIN plans
        ON plans.monthly_budget > 0
        AND ((plans.kind = 'use case' AND plans.plan = owners.use_case) OR (plans.kind = 'team' AND plans.plan = owners.team))
    GROUP BY 1, 2, 3, 4, 5, 6
),
plan_days AS (                                                              -- each day until the hour of the newest data
    SELECT
        shares.plan,
        shares.kind,
        shares.team,
        shares.monthly_budget,
        hours.token_date,
        spans.last_date,
        sum(hours.cost * shares.share) AS cost,
        sum(CASE WHEN hours.hour_number = spans.last_hour THEN hours.cost * shares.share ELSE 0 END) AS hourly_cost,
        sum(coalesce(spike_hours.excess, 0) * shares.share) AS spike_cost
    FROM workload_hours AS hours
    CROSS JOIN spans
    INNER JOIN plan_shares AS shares
        ON hours.sub_account_id IS NOT DISTINCT FROM shares.sub_account_id
        AND hours.workload = shares.workload
    LEFT JOIN spike_hours
        ON hours.sub_account_id IS NOT DISTINCT FROM spike_hours.sub_account_id
        AND hours.workload = spike_hours.workload
        AND hours.hour_number = spike_hours.hour_number
    WHERE mod(hours.hour_number, 24) <= spans.last_hour_of_day
    GROUP BY 1, 2, 3, 4, 5, 6
),
known_days AS (
    SELECT least(date_diff('day', min(token_date), max(last_date)), $history_days) AS days
    FROM (SELECT hours.token_date, spans.last_date FROM workload_hours AS hours CROSS JOIN spans) AS dates
),
ranked_plan_days AS (
    SELECT
        plan_days.*,
        known_days.days,
        row_number() OVER (PARTITION BY plan, kind, token_date < last_date ORDER BY cost DESC) AS place,
        mod(date_diff('day', token_date, last_date), 7) = 0 AS is_same_weekday,
        row_number() OVER (
            PARTITION BY plan, kind, token_date < last_date, mod(date_diff('day', token_date, last_date), 7) = 0 ORDER BY cost DESC
        ) AS weekday_place
    FROM plan_days
    CROSS JOIN known_days
    WHERE date_diff('day', token_date, last_date) <= known_days.days
),
plan_levels AS (
    SELECT
        plan,
        kind,
        max(team) AS team,
        max(last_date) AS last_date,
        max(monthly_budget) / max(date_diff(
            'day', CAST(date_trunc('month', last_date) AS date), CAST(date_trunc('month', last_date) + INTERVAL '1' MONTH AS date)
        )) AS daily_budget,
        max(CASE WHEN token_date = last_date THEN cost END) AS cost,
        max(CASE WHEN token_date = last_date THEN hourly_cost END) AS hourly_cost,
        max(CASE WHEN token_date = last_date THEN spike_cost END) AS spike_cost,
        greatest(
            coalesce(sum(CASE WHEN token_date < last_date AND 2 * place BETWEEN days AND days + 2 THEN cost END)
                / max(CASE WHEN mod(days, 2) = 0 THEN 2E0 ELSE 1E0 END), 0E0),
            coalesce(max(CASE WHEN token_date < last_date AND is_same_weekday AND weekday_place = 2 THEN cost END), 0E0)
        ) AS usual_cost
    FROM ranked_plan_days
    GROUP BY 1, 2
    HAVING max(days) >= $least_days
),
exceeded_plans AS (                                                         -- without spikes that are reported by themselves
    SELECT plan_levels.*
    FROM plan_levels
    WHERE round(cost - spike_cost, 6) > daily_budget
        AND cost - spike_cost >= $least_plan_ratio * usual_cost
        AND date_diff('day', last_date, $as_of) <= $settle_days
),
coverage AS (
    SELECT max(last_date) AS last_token_day FROM spans
)
SELECT
    spikes.sub_account_id,
    CAST(NULL AS varchar) AS region_id,
    spikes.workload AS resource_id,
    spikes.excess AS monthly_cost,
    CASE WHEN spikes.is_current THEN spikes.hourly_excess * 720 ELSE 0 END AS monthly_cost_if_continues,
    spikes.service_name,
    workload_tags.tags,
    CAST(NULL AS varchar) AS team,
    CAST(NULL AS varchar) AS use_case,
    'Model ' || spikes.model AS subject,
    spikes.model,
    spikes.meters,
    spikes.regions,
    spikes.hourly_cost,
    'Usual for this hour' AS compared_with,
    spikes.usual_cost AS compared_cost,
    spikes.excess AS estimated_excess,
    spikes.spike_hours,
    CAST(spikes.first_day AS varchar) || ' ' || lpad(CAST(mod(spikes.first_number, 24) AS varchar), 2, '0') || ':00 UTC' AS first_hour,
    CAST(spikes.last_day AS varchar) || ' ' || lpad(CAST(mod(spikes.last_number, 24) AS varchar), 2, '0') || ':00 UTC' AS last_hour,
    spikes.first_day,
    spikes.last_day,
    false AS not_evaluated,
    CAST(NULL AS varchar) AS lacks_input
FROM spikes
LEFT JOIN workload_tags
    ON spikes.sub_account_id IS NOT DISTINCT FROM workload_tags.sub_account_id
    AND spikes.workload = workload_tags.workload
UNION ALL
SELECT
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    plans.kind || ' ' || plans.plan,
    plans.cost - plans.daily_budget,
    CAST(NULL AS double),                                                   -- as every day of it
    CAST(NULL AS varchar),
    NULL,
    plans.team,
    CASE WHEN plans.kind = 'use case' THEN plans.plan END,
    CASE WHEN plans.kind = 'use case' THEN 'Use case ' ELSE 'Team ' END || plans.plan,
    CAST(NULL AS varchar),
    NULL,
    NULL,
    plans.hourly_cost,
    'Budget per day',
    plans.daily_budget,
    plans.cost - plans.daily_budget,
    CAST(NULL AS bigint),
    CAST(plans.last_date AS varchar) || ' 00:00 UTC',
    CAST(plans.last_date AS varchar) || ' ' || lpad(CAST(spans.last_hour_of_day AS varchar), 2, '0') || ':00 UTC',
    plans.last_date,
    plans.last_date,
    false,
    CAST(NULL AS varchar)
FROM exceeded_plans AS plans
CROSS JOIN spans
UNION ALL
SELECT
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    0E0,
    0E0,
    CAST(NULL AS varchar),
    NULL,
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    NULL,
    NULL,
    CAST(NULL AS double),
    CAST(NULL AS varchar),
    CAST(NULL AS double),
    CAST(NULL AS double),
    CAST(NULL AS bigint),
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    CAST(NULL AS date),
    last_token_day,
    true,
    CASE WHEN last_token_day IS NULL
        THEN 'the current spend rate is unknown without tokens by hour (--token-hours, docs/spend-rate.md)'
        ELSE 'the tokens by hour end on ' || CAST(last_token_day AS varchar)
    END
FROM coverage
WHERE coalesce(date_diff('day', last_token_day, $as_of) > $stale_days, true)
    AND EXISTS (SELECT 1 FROM token_owners)
ORDER BY monthly_cost DESC, sub_account_id, resource_id
