/*
title     = "Hourly token spend spike (estimate)"
category  = "anomaly"
names     = "amount"
schedule  = "every_refresh"
estimate  = true
why       = """
A runaway agent or a leaked key can cost hundreds of USD/hour, but the bill shows this cost only a day later. CloudWatch
shows the number of tokens within minutes. focuswatch estimates the cost of an hour by multiplying the number of tokens
in that hour by the most recent token price on the bill. The estimated cost of an hour is compared with the usual cost
at the same time of day. For a use case or team with a monthly budget, the estimated cost of the day is compared with
one day's share of that budget.
"""
reason    = "{subject} cost an estimated {hourly_cost} {currency} in the hour that started at {last_hour}. The estimated cost since {first_hour} exceeds the {compared_with} ({compared_cost} {currency}) by {estimated_excess} {currency} in total. The estimate is the number of tokens that CloudWatch counted, multiplied by the most recent price on the bill. When the bill for the day is complete, the billed cost replaces the estimate."
action    = """
1. In the Bedrock model invocation log or in CloudTrail, identify who has called the model since {first_hour}.
2. If the usage is not intentional, stop the workload, or remove the permissions bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream from the caller's role. If an access key leaked, disable the key first.
3. If the usage is intentional, declare a planned launch in owners.toml (focuswatch note prints the required section), or raise monthly_budget.
"""
blind_spots = [
  "The estimate uses the most recent price on the bill, after discounts, for each model and token type. The billed cost differs from the estimate if prices change, or if the shares of regional, global, flex and priority inference change.",
  "The CloudWatch token metrics do not include batch inference, Provisioned Throughput, imported and custom models, Bedrock Marketplace models (billed per endpoint hour), or calls to the bedrock-mantle endpoint.",
  "If the bill has no price for a model, the model is not evaluated; the report spend_rate shows the tokens of this model as unpriced.",
  "CloudWatch can deliver data points late, so each collection run reads the last six hours again.",
  "An hour is compared with previous days only if token counts for at least 7 previous days were collected.",
  "If the cost of an hour is less than six times the usual cost, only detections that use billed cost, such as token_burst and cost_anomaly, can report the increase.",
  "Usage is allocated to use cases and teams in proportion to their cost in the last 14 days, so part of a spike can be allocated to another workload that uses the same model in the same account.",
]
sources   = [
  "https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html",
  "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html",
  "https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-use.html",
]
[parameters]
history_days = 28
least_days = 7                 # minimum number of days with token counts before an hour is compared
least_ratio = 6.0              # minimum ratio of the cost of an hour to its usual cost
least_hourly_cost_usd = 20.0   # minimum cost above the usual cost of the hour; equals 480 USD/day
least_account_share = 0.5      # minimum increase of the account's cost, as a share of the excess; below it, usage moved from another model
least_plan_ratio = 1.5         # minimum ratio of the cost of the day so far to its usual cost, because a budget may be spent on working days only
settle_days = 2                # as in the table completeness; for older days, the bill has replaced the estimates
stale_days = 4                 # maximum age in days of the newest token counts; older token counts are not evaluated
[needs]
charges = "ai_family = 'bedrock' AND regexp_like(SkuMeter, '(?i)token')"
files = ["token_hours"]
*/
WITH hourly_costs AS (
    SELECT
        sub_account_id,
        workload,
        hour_number,
        token_date,
        max(resource_id) AS resource_id,
        max_by(service_name, estimated_cost) FILTER (WHERE service_name IS NOT NULL) AS service_name,
        max_by(model, estimated_cost) FILTER (WHERE model IS NOT NULL) AS model,
        array_agg(DISTINCT region_id ORDER BY region_id) FILTER (WHERE region_id IS NOT NULL) AS regions,
        sum(estimated_cost) AS cost
    FROM token_cost_hours
    GROUP BY 1, 2, 3, 4
),
workload_hours AS (                                                         -- mentioned three times: Trino evaluates it each time
    SELECT
        *,
        min(hour_number) OVER () AS first_hour,
        max(hour_number) OVER () AS last_hour,
        min(token_date) OVER () AS first_date,
        max(token_date) OVER () AS last_date
    FROM hourly_costs
),
large_hours AS (                                                            -- a smaller hour cannot be a spike and needs no baseline
    SELECT *, least(hour_number - first_hour, $history_days * 24) AS hours_before
    FROM workload_hours
    WHERE round(cost, 6) >= $least_hourly_cost_usd
        AND date_diff('day', token_date, $as_of) <= $settle_days
        AND hour_number - first_hour >= $least_days * 24
),
compared_hours AS (                                                         -- the hour itself, and three hours of each previous day: jobs shift
    SELECT
        hours.sub_account_id,
        hours.workload,
        hours.hour_number,
        hours.token_date,
        hours.resource_id,
        hours.service_name,
        hours.model,
        hours.regions,
        hours.cost,
        hours.last_hour,
        hours.hours_before - mod(hours.hours_before, 24) AS known_hours,
        hours.hour_number - earlier.hour_number + 1 - mod(hours.hour_number - earlier.hour_number + 1, 24) AS sample_hours,
        earlier.hour_number AS earlier_number,
        sum(earlier.cost) AS account_cost,
        sum(CASE WHEN earlier.workload = hours.workload THEN earlier.cost ELSE 0 END) AS own_cost
    FROM large_hours AS hours
    INNER JOIN workload_hours AS earlier
        ON hours.sub_account_id IS NOT DISTINCT FROM earlier.sub_account_id
        AND hours.hour_number - earlier.hour_number <= hours.hours_before + 1
        AND (
            hours.hour_number = earlier.hour_number
            OR (
                hours.hour_number - earlier.hour_number >= 23
                AND mod(hours.hour_number - earlier.hour_number + 1, 24) <= 2
            )
        )
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
),
samples AS (
    SELECT
        sub_account_id, workload, hour_number, token_date, resource_id, service_name, model, regions, cost, last_hour, known_hours,
        sample_hours,
        max(account_cost) AS account_cost,
        max(own_cost) AS own_cost
    FROM compared_hours
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
),
ranked_samples AS (                                                         -- from the highest: a day without a row has no calls, and is last
    SELECT
        *,
        CASE WHEN sample_hours = 0 THEN 'itself' WHEN mod(sample_hours, 168) = 0 THEN 'same weekday' ELSE 'other day' END AS day_kind,
        row_number() OVER (PARTITION BY sub_account_id, workload, hour_number, sample_hours > 0 ORDER BY own_cost DESC) AS place,
        row_number() OVER (
            PARTITION BY sub_account_id, workload, hour_number, sample_hours > 0 ORDER BY account_cost DESC
        ) AS account_place,
        row_number() OVER (
            PARTITION BY sub_account_id, workload, hour_number, sample_hours > 0, mod(sample_hours, 168) = 0 ORDER BY own_cost DESC
        ) AS weekday_place,
        row_number() OVER (
            PARTITION BY sub_account_id, workload, hour_number, sample_hours > 0, mod(sample_hours, 168) = 0
            ORDER BY account_cost DESC
        ) AS account_weekday_place,
        known_hours / 24 AS days,
        (known_hours - mod(known_hours, 168)) / 168 AS weekdays,
        CASE WHEN mod(known_hours, 48) = 0 THEN 2E0 ELSE 1E0 END AS middle_days,
        CASE WHEN mod(known_hours - mod(known_hours, 168), 336) = 0 THEN 2E0 ELSE 1E0 END AS middle_weekdays
    FROM samples
),
levels AS (                                                                 -- the higher of two medians, of all days and of weekdays
    SELECT
        sub_account_id, workload, hour_number, token_date, resource_id, service_name, model, regions, cost, last_hour,
        max(CASE WHEN day_kind = 'itself' THEN account_cost END) AS account_cost,
        greatest(
            coalesce(sum(CASE WHEN day_kind <> 'itself' AND 2 * place BETWEEN days AND days + 2 THEN own_cost END) / max(middle_days), 0E0),
            coalesce(sum(CASE
                WHEN day_kind = 'same weekday' AND weekdays >= 3 AND 2 * weekday_place BETWEEN weekdays AND weekdays + 2 THEN own_cost
            END) / max(middle_weekdays), 0E0)
        ) AS usual_cost,
        greatest(
            coalesce(sum(CASE
                WHEN day_kind <> 'itself' AND 2 * account_place BETWEEN days AND days + 2 THEN account_cost
            END) / max(middle_days), 0E0),
            coalesce(sum(CASE
                WHEN day_kind = 'same weekday' AND weekdays >= 3 AND 2 * account_weekday_place BETWEEN weekdays AND weekdays + 2
                    THEN account_cost
            END) / max(middle_weekdays), 0E0)
        ) AS account_usual_cost
    FROM ranked_samples
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
),
workload_facts AS (
    SELECT
        sub_account_id,
        workload,
        max_by(tags, effective_cost) FILTER (WHERE cardinality(tags) > 0) AS tags,
        max_by(use_case, effective_cost) FILTER (WHERE use_case IS NOT NULL) AS use_case
    FROM token_owners
    GROUP BY 1, 2
),
planned_uses AS (                                                           -- rules count before the bill has the first charge
    SELECT launches.use_case, launches.first_day, launches.last_day, launches.factor, rules.rule, rules.key, rules.value
    FROM launches
    LEFT JOIN plan_rules AS rules ON launches.use_case = rules.use_case AND rules.rule IN ('account', 'resource')
),
weighed_hours AS (                                                          -- cost up to the factor of a launch times the usual is planned
    SELECT
        levels.sub_account_id,
        levels.workload,
        levels.hour_number,
        levels.token_date,
        levels.service_name,
        levels.model,
        levels.regions,
        levels.cost,
        levels.last_hour,
        levels.account_cost,
        levels.usual_cost,
        levels.account_usual_cost,
        facts.tags,
        max(planned.factor) AS factor
    FROM levels
    LEFT JOIN workload_facts AS facts
        ON levels.sub_account_id IS NOT DISTINCT FROM facts.sub_account_id
        AND levels.workload = facts.workload
    LEFT JOIN planned_uses AS planned
        ON levels.token_date BETWEEN planned.first_day AND planned.last_day
        AND (
            planned.use_case = facts.use_case
            OR (planned.rule = 'account' AND planned.value = levels.sub_account_id)
            OR (
                planned.rule = 'resource' AND starts_with(levels.resource_id, planned.value)
                AND (planned.key IS NOT NULL OR levels.resource_id = planned.value)
            )
        )
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
),
spike_hours AS (
    SELECT
        *,
        cost - usual_cost AS excess,
        row_number() OVER (PARTITION BY sub_account_id, workload ORDER BY hour_number DESC) AS recency
    FROM weighed_hours
    WHERE round(cost, 9) >= round($least_ratio * usual_cost, 9)
        AND round(cost - usual_cost, 6) >= $least_hourly_cost_usd
        AND account_cost - account_usual_cost >= $least_account_share * (cost - usual_cost)
        AND cost > coalesce(factor, 0) * CASE WHEN usual_cost > 0 THEN usual_cost ELSE account_usual_cost END
),
spikes AS (
    SELECT
        sub_account_id,
        workload,
        tags,
        max(CASE WHEN recency = 1 THEN service_name END) AS service_name,
        max(CASE WHEN recency = 1 THEN model END) AS model,
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
    GROUP BY 1, 2, 3
),
workload_days AS (                                                          -- each day until the hour of the newest data
    SELECT
        sub_account_id,
        workload,
        token_date,
        last_date,
        mod(last_hour, 24) AS last_hour_of_day,
        least(date_diff('day', first_date, last_date), $history_days) AS days,
        sum(cost) AS cost,
        max(cost) AS highest_cost,
        sum(CASE WHEN hour_number = last_hour THEN cost ELSE 0 END) AS hourly_cost
    FROM workload_hours
    WHERE mod(hour_number, 24) <= mod(last_hour, 24)
        AND date_diff('day', token_date, last_date) <= $history_days
    GROUP BY 1, 2, 3, 4, 5, 6
),
ranked_days AS (
    SELECT
        *,
        token_date = last_date AS is_last,
        mod(date_diff('day', token_date, last_date), 7) = 0 AS is_same_weekday,
        row_number() OVER (PARTITION BY sub_account_id, workload, token_date = last_date ORDER BY cost DESC) AS place,
        row_number() OVER (PARTITION BY sub_account_id, workload, token_date = last_date ORDER BY highest_cost DESC) AS highest_place,
        row_number() OVER (
            PARTITION BY sub_account_id, workload, token_date = last_date, mod(date_diff('day', token_date, last_date), 7) = 0
            ORDER BY cost DESC
        ) AS weekday_place,
        CASE WHEN mod(days, 2) = 0 THEN 2E0 ELSE 1E0 END AS middle_days
    FROM workload_days
    WHERE days >= $least_days
),
day_levels AS (
    SELECT
        sub_account_id,
        workload,
        last_date,
        last_hour_of_day,
        coalesce(max(CASE WHEN is_last THEN cost END), 0E0) AS cost,
        coalesce(max(CASE WHEN is_last THEN highest_cost END), 0E0) AS highest_cost,
        coalesce(max(CASE WHEN is_last THEN hourly_cost END), 0E0) AS hourly_cost,
        greatest(
            coalesce(sum(CASE WHEN NOT is_last AND 2 * place BETWEEN days AND days + 2 THEN cost END) / max(middle_days), 0E0),
            coalesce(max(CASE WHEN NOT is_last AND is_same_weekday AND weekday_place = 2 THEN cost END), 0E0)
        ) AS usual_cost,
        coalesce(sum(CASE WHEN NOT is_last AND 2 * highest_place BETWEEN days AND days + 2 THEN highest_cost END) / max(middle_days), 0E0)
            AS usual_highest_cost
    FROM ranked_days
    WHERE date_diff('day', last_date, $as_of) <= $settle_days
    GROUP BY 1, 2, 3, 4
),
plan_shares AS (
    SELECT
        owners.sub_account_id,
        owners.workload,
        plans.plan,
        plans.kind,
        plans.team,
        plans.monthly_budget,
        owners.effective_cost / sum(owners.effective_cost) OVER (PARTITION BY owners.sub_account_id, owners.workload, plans.kind) AS share,
        plans.plan IS NOT NULL AS has_plan
    FROM token_owners AS owners
    CROSS JOIN UNNEST(ARRAY['use case', 'team']) AS kinds (kind)
    LEFT JOIN plans
        ON plans.monthly_budget > 0
        AND plans.kind = kinds.kind
        AND plans.plan = CASE kinds.kind WHEN 'team' THEN owners.team ELSE owners.use_case END
    WHERE owners.effective_cost > 0
),
plan_days AS (                                                              -- without spikes, which are reported by themselves
    SELECT
        shares.plan,
        shares.kind,
        shares.team,
        levels.last_date,
        levels.last_hour_of_day,
        shares.monthly_budget / date_diff(
            'day',
            CAST(date_trunc('month', levels.last_date) AS date),
            CAST(date_trunc('month', levels.last_date) + INTERVAL '1' MONTH AS date)
        ) AS daily_budget,
        sum(levels.cost * shares.share) AS cost,
        sum(levels.hourly_cost * shares.share) AS hourly_cost,
        sum(levels.usual_cost * shares.share) AS usual_cost
    FROM plan_shares AS shares
    INNER JOIN day_levels AS levels
        ON shares.sub_account_id IS NOT DISTINCT FROM levels.sub_account_id
        AND shares.workload = levels.workload
    WHERE shares.has_plan
        AND (
            levels.highest_cost < $least_ratio * levels.usual_highest_cost
            OR levels.highest_cost - levels.usual_highest_cost < $least_hourly_cost_usd
        )
    GROUP BY 1, 2, 3, 4, 5, 6
),
exceeded_plans AS (
    SELECT *
    FROM plan_days
    WHERE round(cost, 6) > round(daily_budget, 6)
        AND cost >= $least_plan_ratio * usual_cost
),
coverage AS (
    SELECT max(token_date) AS last_token_day
    FROM token_hours
    WHERE token_date >= CAST($as_of - INTERVAL '1' DAY * ($history_days + 3) AS date)
)
SELECT
    spikes.sub_account_id,
    CAST(NULL AS varchar) AS region_id,
    spikes.workload AS resource_id,
    spikes.excess AS monthly_cost,
    CASE WHEN spikes.is_current THEN spikes.hourly_excess * 720 ELSE 0 END AS monthly_cost_if_continues,
    spikes.service_name,
    spikes.tags,
    CAST(NULL AS varchar) AS team,
    CAST(NULL AS varchar) AS use_case,
    'Model ' || spikes.model AS subject,
    spikes.model,
    spikes.regions,
    spikes.hourly_cost,
    'usual cost per hour' AS compared_with,
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
    plans.hourly_cost,
    'daily budget',
    plans.daily_budget,
    plans.cost - plans.daily_budget,
    CAST(NULL AS bigint),
    CAST(plans.last_date AS varchar) || ' 00:00 UTC',
    CAST(plans.last_date AS varchar) || ' ' || lpad(CAST(plans.last_hour_of_day AS varchar), 2, '0') || ':00 UTC',
    plans.last_date,
    plans.last_date,
    false,
    CAST(NULL AS varchar)
FROM exceeded_plans AS plans
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
        THEN 'the current spend rate is unknown, because no hourly token counts were provided (--token-hours, docs/spend-rate.md)'
        ELSE 'the hourly token counts end on ' || CAST(last_token_day AS varchar)
    END
FROM coverage
WHERE coalesce(date_diff('day', last_token_day, $as_of) > $stale_days, true)
    AND EXISTS (SELECT 1 FROM token_charges WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $history_days AS date))
ORDER BY monthly_cost DESC, sub_account_id, resource_id
