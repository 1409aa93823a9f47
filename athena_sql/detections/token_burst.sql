/*
title     = "Token usage spike"
category  = "anomaly"
providers = "all"
ai_families = ["bedrock", "model_api"]
schedule  = "every_refresh"
notify    = "every_run"
why       = """
An agent that calls itself, an endless retry loop, or a leaked key can use tokens as fast as the quota allows. The cost
can reach hundreds of USD/hour. A budget alert arrives after the money is spent.
"""
reason    = "{model} used {peak_million_tokens} million tokens on {peak_day}, {ratio} times {compared_with} ({expected_million_tokens} million). The excess usage from {first_day} to {last_day} cost {monthly_cost} {currency} ({planned})."
action    = """
1. Identify the caller on {peak_day} in CloudTrail or the Bedrock invocation log. To find out where the log is stored, run: aws bedrock get-model-invocation-logging-configuration --region {region_id}
2. Review the token types. Many cache reads ({cache_read_share}% of the tokens on {peak_day}) suggest an agent in a loop. Many output tokens suggest a batch job. Usage at night and on weekends suggests automation.
3. If the usage is not intentional, remove the permissions bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream from the caller's role, or disable the caller's access key. Then set a token limit and a step limit in the workload.
"""
action_of_others = """
1. Identify the caller on {peak_day}: the API key, project or user that {provider} records for calls to the model.
2. Review the token types. Many cache reads ({cache_read_share}% of the tokens on {peak_day}) suggest an agent in a loop. Many output tokens suggest a batch job. Usage at night and on weekends suggests automation.
3. If the usage is not intentional, disable the API key. Then set a spending limit or rate limit for the project, and a step limit for the workload.
"""
blind_spots = [
  "An account with less than 14 days of token usage has no baseline and is not evaluated. The detection new_service reports the first use of Bedrock.",
  "A new workload has no baseline of its own, so its tokens are compared with the token usage of the whole account. In an account with high usage, the spike of a new workload may therefore not be reported.",
  "Token usage that moves from one model or inference profile to another in the same account is not reported.",
  "A large job that runs once a month is reported every month. A product launch that is not declared in owners.toml is also reported as a spike.",
  "A spike is reported only if the token usage of the whole account also exceeds its expected usage. If the bill for a day is incomplete, focuswatch multiplies the expected usage of the account by the share of the account's charges that the export already contains. To estimate this share, focuswatch divides the cost of each service by its cost on the same weekday one week earlier, and uses the median of these ratios. If the account has fewer than 3 services (parameter `least_services`), focuswatch assumes that the export already contains all charges. In this case, or if token charges arrive in the export later than the other charges, the estimated share is too high. focuswatch may then report a spike one or two days late. If token charges arrive earlier than the other charges, the estimated share is too low. focuswatch may then report tokens that only moved to another workload as a spike.",
  "During a planned launch, usage of the launch's use case is reported only if it exceeds the baseline multiplied by the `factor` of the launch in owners.toml.",
  "Input, output and cache tokens count equally toward the spike; a spike is reported only if its excess cost is at least `least_daily_cost_usd` per day.",
]
sources   = [
  "https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-understanding-cur-data.html",
  "https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-create.html",
  "https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html",
]
[explain]
charges = "tokens"
[parameters]
history_days = 56
least_active_days = 7          # minimum number of days with tokens; fewer days do not form a baseline
least_age_days = 14            # minimum age of an account in days, as in the detections of new services and Regions
least_weekdays = 3             # minimum number of previous days with the same weekday for a weekday pattern
least_ratio = 3.0              # minimum ratio to the baseline, as in gpu_burst; a busy weekday has about 1.5 times the median tokens of an account
least_account_share = 0.5      # minimum increase of the account's tokens, as a share of the excess; below it, usage moved from another model
left_share = 0.25              # focuswatch treats a workload with less than this share of its baseline as moved to another model or inference profile
least_daily_cost_usd = 10.0    # minimum cost per day above the baseline
least_services = 3             # minimum number of services to estimate the delivered share of an incomplete day
[needs]
charges = "ai_family IN ('bedrock', 'model_api') AND regexp_like(SkuMeter || ' ' || coalesce(ConsumedUnit, ''), '(?i)token')"
history_days = 14
*/
WITH workload_days AS (
    SELECT
        sub_account_id,
        region_id,
        service_name,
        resource_id,
        coalesce(region_id, '') || ' ' || coalesce(service_name, '') || ' ' || coalesce(resource_id, model)
            AS workload,                                                    -- an inference profile, or calls of a base model
        charge_date,
        max_by(model, million_tokens) FILTER (WHERE model IS NOT NULL) AS model,
        max_by(tags, million_tokens) FILTER (WHERE cardinality(tags) > 0) AS tags,
        sum(million_tokens) AS million_tokens,
        sum(CASE WHEN token_kind = 'cache read' THEN million_tokens ELSE 0 END) AS cache_read_tokens,
        sum(CASE WHEN token_kind = 'output' THEN million_tokens ELSE 0 END) AS output_tokens,
        sum(effective_cost) AS effective_cost
    FROM token_charges
    WHERE charge_date >= CAST($first_new_day - INTERVAL '1' DAY * $history_days AS date)
        AND charge_date < $as_of
    GROUP BY 1, 2, 3, 4, 5, 6
),
token_days AS (
    SELECT
        sub_account_id,
        CASE WHEN grouping(workload) = 1 THEN 'the whole account' ELSE workload END AS workload,
        charge_date,
        sum(million_tokens) AS million_tokens
    FROM workload_days
    GROUP BY GROUPING SETS (
        (sub_account_id, region_id, service_name, resource_id, workload, charge_date), (sub_account_id, charge_date)
    )
),
large_days AS (
    SELECT *
    FROM workload_days
    WHERE charge_date >= $first_new_day AND effective_cost >= $least_daily_cost_usd  -- a smaller day cannot be a spike and needs no baseline
),
evaluated_days AS (
    SELECT DISTINCT token_days.sub_account_id, token_days.workload, dates.charge_date
    FROM token_days
    INNER JOIN (SELECT DISTINCT sub_account_id, charge_date FROM large_days) AS dates
        ON token_days.sub_account_id IS NOT DISTINCT FROM dates.sub_account_id
),
samples AS (                                                                -- only days with tokens are part of the baseline
    SELECT
        evaluated_days.*,
        earlier.charge_date AS sample_date,
        earlier.million_tokens,
        day_of_week(earlier.charge_date) = day_of_week(evaluated_days.charge_date) AS is_same_weekday
    FROM evaluated_days
    INNER JOIN token_days AS earlier
        ON evaluated_days.sub_account_id IS NOT DISTINCT FROM earlier.sub_account_id
        AND evaluated_days.workload = earlier.workload
        AND earlier.charge_date < evaluated_days.charge_date
        AND date_diff('day', earlier.charge_date, evaluated_days.charge_date) <= $history_days
),
ranked_samples AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY sub_account_id, workload, charge_date ORDER BY million_tokens) AS place,
        count(*) OVER (PARTITION BY sub_account_id, workload, charge_date) AS days,
        row_number() OVER (
            PARTITION BY sub_account_id, workload, charge_date, is_same_weekday ORDER BY million_tokens
        ) AS weekday_place,
        count(*) OVER (PARTITION BY sub_account_id, workload, charge_date, is_same_weekday) AS weekdays
    FROM samples
),
medians AS (
    SELECT
        sub_account_id,
        workload,
        charge_date,
        max(sample_date) AS last_active_day,
        avg(CASE WHEN place * 2 BETWEEN days AND days + 2 THEN million_tokens END) AS baseline,
        avg(CASE
            WHEN is_same_weekday AND weekdays >= $least_weekdays AND weekday_place * 2 BETWEEN weekdays AND weekdays + 2
                THEN million_tokens
        END) AS weekday_baseline
    FROM ranked_samples
    GROUP BY 1, 2, 3
    HAVING count(*) >= $least_active_days AND date_diff('day', min(sample_date), charge_date) >= $least_age_days
),
service_days AS (                                                           -- each service, and its cost on the same weekday a week before
    SELECT
        services.SubAccountId AS sub_account_id,
        services.ServiceName AS service_name,
        CAST(services.charge_date + INTERVAL '7' DAY * weeks.weeks_before AS date) AS charge_date,
        sum(CASE WHEN weeks.weeks_before = 0 THEN services.EffectiveCost ELSE 0 END)
            / sum(CASE WHEN weeks.weeks_before = 1 THEN services.EffectiveCost ELSE 0 END) AS share
    FROM daily_services AS services
    CROSS JOIN (VALUES (0), (1)) AS weeks (weeks_before)
    WHERE services.charge_date >= CAST($first_new_day - INTERVAL '7' DAY AS date)
        AND services.charge_date < $as_of
        AND services.ChargeCategory = 'Usage'
        AND services.ChargeClass IS DISTINCT FROM 'Correction'
        AND coalesce(services.ChargeFrequency, 'Usage-Based') = 'Usage-Based'
        AND services.CommitmentDiscountStatus IS DISTINCT FROM 'Unused'
    GROUP BY 1, 2, 3
    HAVING sum(CASE WHEN weeks.weeks_before = 1 THEN services.EffectiveCost ELSE 0 END) > 0
),
ranked_services AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY sub_account_id, charge_date ORDER BY share) AS place,
        count(*) OVER (PARTITION BY sub_account_id, charge_date) AS services
    FROM service_days
),
delivered_shares AS (                                                       -- of incomplete days; the median, because one service may
    SELECT                                                                  -- have stopped or increased
        ranked_services.sub_account_id,
        ranked_services.charge_date,
        least(avg(CASE WHEN place * 2 BETWEEN services AND services + 2 THEN share END), 1E0) AS delivered_share
    FROM ranked_services
    INNER JOIN completeness
        ON ranked_services.charge_date = completeness.charge_date
        AND ranked_services.sub_account_id IS NOT DISTINCT FROM completeness.sub_account_id
    WHERE NOT completeness.is_settled AND ranked_services.services >= $least_services
    GROUP BY 1, 2
    HAVING avg(CASE WHEN place * 2 BETWEEN services AND services + 2 THEN share END) > 0
),
levels AS (
    SELECT
        medians.sub_account_id,
        medians.workload,
        medians.charge_date,
        medians.last_active_day,
        medians.weekday_baseline,
        greatest(medians.baseline, coalesce(medians.weekday_baseline, medians.baseline)) AS baseline_tokens,
        coalesce(medians.weekday_baseline, medians.baseline) AS weekday_tokens,
        coalesce(delivered_shares.delivered_share, 1E0) AS delivered_share
    FROM medians
    LEFT JOIN delivered_shares
        ON medians.charge_date = delivered_shares.charge_date
        AND medians.sub_account_id IS NOT DISTINCT FROM delivered_shares.sub_account_id
),
account_levels AS (                                                         -- with the levels of the account on that day
    SELECT
        levels.*,
        max(CASE WHEN levels.workload = 'the whole account' THEN levels.baseline_tokens END) OVER account_days
            AS account_baseline,
        max(CASE WHEN levels.workload = 'the whole account' THEN levels.delivered_share * levels.weekday_tokens END)
            OVER account_days AS account_weekday,
        max(CASE WHEN levels.workload = 'the whole account' THEN token_days.million_tokens END) OVER account_days
            AS account_tokens,
        coalesce(sum(CASE                                                   -- of workloads whose tokens may have moved elsewhere
            WHEN levels.workload <> 'the whole account'
                AND date_diff('day', levels.last_active_day, levels.charge_date) <= $least_age_days
                AND coalesce(token_days.million_tokens, 0) < $left_share * levels.delivered_share * levels.weekday_baseline
                THEN levels.weekday_baseline
        END) OVER account_days, 0) AS left_tokens
    FROM levels
    LEFT JOIN token_days
        ON levels.charge_date = token_days.charge_date
        AND levels.sub_account_id IS NOT DISTINCT FROM token_days.sub_account_id
        AND levels.workload = token_days.workload
    WINDOW account_days AS (PARTITION BY levels.sub_account_id, levels.charge_date)
),
launched_days AS (                                                          -- cost up to `factor` times the baseline is planned
    SELECT
        large_days.charge_date,
        large_days.sub_account_id,
        large_days.workload,
        max(rules.factor) AS factor,
        max(rules.last_day) AS last_day
    FROM large_days
    INNER JOIN launch_rules AS rules
        ON large_days.charge_date BETWEEN rules.first_day AND rules.last_day
        AND (
            large_days.tags = rules.tags
            OR large_days.sub_account_id = rules.sub_account_id
            OR (
                starts_with(large_days.resource_id, rules.resource)
                AND (rules.is_beginning OR large_days.resource_id = rules.resource)
            )
        )
    GROUP BY 1, 2, 3
),
matched_days AS (                                                           -- once with its own level and with that of the account
    SELECT
        large_days.*,
        coalesce(launched_days.factor, 0) AS planned_factor,
        launched_days.last_day AS planned_until,
        CASE WHEN account_levels.workload = large_days.workload THEN account_levels.baseline_tokens END
            AS baseline_tokens,                                             -- null: too young for its own baseline
        account_levels.account_baseline,
        account_levels.account_weekday,
        account_levels.account_tokens,
        account_levels.left_tokens,
        row_number() OVER (
            PARTITION BY
                large_days.sub_account_id, large_days.region_id, large_days.service_name, large_days.resource_id,
                large_days.workload, large_days.charge_date
            ORDER BY CASE WHEN account_levels.workload = large_days.workload THEN 0 ELSE 1 END
        ) AS level_place
    FROM large_days
    INNER JOIN account_levels
        ON large_days.charge_date = account_levels.charge_date
        AND large_days.sub_account_id IS NOT DISTINCT FROM account_levels.sub_account_id
        AND account_levels.workload IN (large_days.workload, 'the whole account')
    LEFT JOIN launched_days
        ON large_days.charge_date = launched_days.charge_date
        AND large_days.sub_account_id IS NOT DISTINCT FROM launched_days.sub_account_id
        AND large_days.workload = launched_days.workload
    WHERE account_levels.account_baseline IS NOT NULL                       -- otherwise the account has no baseline yet
),
weighed_days AS (
    SELECT
        *,
        coalesce(baseline_tokens, account_baseline) AS compared_tokens,
        account_tokens - account_weekday AS account_excess,
        million_tokens - coalesce(baseline_tokens, 0) AS excess,
        (million_tokens - coalesce(baseline_tokens, 0)) / million_tokens * effective_cost AS excess_cost
    FROM matched_days
    WHERE level_place = 1
),
burst_days AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY sub_account_id, region_id, service_name, resource_id
            ORDER BY round(excess_cost, 6) DESC, charge_date, workload
        ) AS place
    FROM weighed_days
    WHERE million_tokens >= $least_ratio * compared_tokens
        AND million_tokens > planned_factor * compared_tokens
        AND account_excess >= $least_account_share * excess                 -- otherwise the tokens moved here from elsewhere,
        AND excess - left_tokens >= $least_account_share * excess           -- even if another workload also increased
        AND round(excess_cost, 6) >= $least_daily_cost_usd
)
SELECT
    sub_account_id,
    region_id,
    resource_id,
    sum(excess_cost) AS monthly_cost,
    service_name,
    max_by(tags, excess_cost) FILTER (WHERE tags IS NOT NULL) AS tags,
    max(CASE WHEN place = 1 THEN model END) AS model,
    max(CASE WHEN place = 1 THEN charge_date END) AS peak_day,
    max(CASE WHEN place = 1 THEN million_tokens END) AS peak_million_tokens,
    max(CASE WHEN place = 1 THEN compared_tokens END) AS expected_million_tokens,
    max(CASE WHEN place = 1 THEN million_tokens / nullif(compared_tokens, 0) END) AS ratio,
    CASE WHEN max(CASE WHEN place = 1 THEN baseline_tokens END) IS NULL THEN 'all previous token usage of the account' ELSE 'the expected level' END
        AS compared_with,
    max(CASE WHEN place = 1 THEN cache_read_tokens / million_tokens * 100 END) AS cache_read_share,
    max(CASE WHEN place = 1 THEN output_tokens / million_tokens * 100 END) AS output_share,
    coalesce(
        'above the level of the launch planned through ' || CAST(max(planned_until) AS varchar), 'no launch was planned'
    ) AS planned,
    nullif(max(planned_factor), 0) AS planned_factor,
    count(DISTINCT charge_date) AS burst_days,
    min(charge_date) AS first_day,
    max(charge_date) AS last_day
FROM burst_days
GROUP BY sub_account_id, region_id, service_name, resource_id
ORDER BY monthly_cost DESC, sub_account_id, region_id, service_name, resource_id
