/*
title = "Bedrock calls and tokens before and during a cost increase"
why   = """
The cost of tokens depends on the number of calls, the number of tokens per call, the mix of token kinds, and the
prices. The number of calls comes from CloudWatch, and the number of tokens comes from the bill. The query returns the
average number of calls, number of tokens and token cost per day, during the cost increase and on the same weekdays
before the increase. These averages include only days with both calls and tokens. The number of calls does not include
batch inference.
"""
reads = ["activity", "token_charges"]
[parameters]
rises = []
first_day = 2000-01-01         # earliest day with which a cost increase is compared
end_day = 2000-01-01
*/
WITH rises AS (
    SELECT *
    FROM (VALUES $rises)
        AS given (fingerprint, sub_account_id, region_id, service_name, resource_id, before_from, first_day, end_day)
),
call_days AS (
    SELECT
        rises.fingerprint,
        activity.activity_date AS charge_date,
        activity.activity_date >= rises.first_day AS is_during,
        sum(CASE WHEN activity.metric = 'Invocations' THEN activity.value ELSE 0 END) AS calls,
        sum(CASE WHEN activity.metric IN ('InvocationThrottles', 'InvocationClientErrors') THEN activity.value ELSE 0 END)
            AS refused_calls,
        sum(CASE WHEN activity.metric LIKE '%TokenCount' THEN activity.value ELSE 0 END) / 1E6 AS counted_tokens
    FROM rises
    INNER JOIN activity
        ON activity.sub_account_id IS NOT DISTINCT FROM rises.sub_account_id
        AND activity.activity_date >= rises.before_from
        AND activity.activity_date < rises.end_day
        AND (rises.region_id IS NULL OR activity.region_id = rises.region_id)
        AND (
            rises.resource_id IS NULL
            OR rises.resource_id = activity.resource_id
            OR regexp_extract(rises.resource_id, '/(.+)$', 1) = activity.resource_id
        )
        AND (                                               -- the model that a Marketplace service names
            rises.service_name IS NULL
            OR rises.service_name NOT LIKE '%(Amazon Bedrock Edition)'
            OR rises.resource_id IS NOT NULL
            OR strpos(
                regexp_replace(lower(activity.resource_id), '[^a-z0-9]', ''),
                regexp_replace(lower(regexp_replace(rises.service_name, '\(.*$', '')), '[^a-z0-9]', '')
            ) > 0
        )
    WHERE activity.namespace = 'AWS/Bedrock'
        AND (activity.resource_id NOT LIKE 'arn:%' OR activity.resource_id LIKE '%inference-profile/%')  -- others are capacity
        AND activity.activity_date >= $first_day
        AND activity.activity_date < $end_day
    GROUP BY 1, 2, 3
),
token_days AS (
    SELECT
        rises.fingerprint,
        tokens.charge_date,
        sum(CASE WHEN tokens.token_kind = 'input' THEN tokens.million_tokens ELSE 0 END) AS input_tokens,
        sum(CASE WHEN tokens.token_kind = 'input' THEN tokens.effective_cost ELSE 0 END) AS input_cost,
        sum(CASE WHEN tokens.token_kind = 'output' THEN tokens.million_tokens ELSE 0 END) AS output_tokens,
        sum(CASE WHEN tokens.token_kind = 'output' THEN tokens.effective_cost ELSE 0 END) AS output_cost,
        sum(CASE WHEN tokens.token_kind = 'cache read' THEN tokens.million_tokens ELSE 0 END) AS read_tokens,
        sum(CASE WHEN tokens.token_kind = 'cache read' THEN tokens.effective_cost ELSE 0 END) AS read_cost,
        sum(CASE WHEN tokens.token_kind IN ('cache write', 'other') THEN tokens.million_tokens ELSE 0 END) AS write_tokens,
        sum(CASE WHEN tokens.token_kind IN ('cache write', 'other') THEN tokens.effective_cost ELSE 0 END) AS write_cost
    FROM rises
    INNER JOIN token_charges AS tokens
        ON tokens.sub_account_id IS NOT DISTINCT FROM rises.sub_account_id
        AND tokens.charge_date >= rises.before_from
        AND tokens.charge_date < rises.end_day
        AND (rises.region_id IS NULL OR tokens.region_id = rises.region_id)
        AND (rises.service_name IS NULL OR tokens.service_name = rises.service_name)
        AND (rises.resource_id IS NULL OR tokens.resource_id = rises.resource_id)
    WHERE tokens.charge_date >= $first_day
        AND tokens.charge_date < $end_day
        AND tokens.tier <> 'batch'
    GROUP BY 1, 2
),
days AS (
    SELECT
        token_days.*,
        call_days.is_during,
        call_days.calls,
        call_days.refused_calls,
        call_days.counted_tokens,
        day_of_week(token_days.charge_date) AS weekday
    FROM token_days
    INNER JOIN call_days
        ON token_days.fingerprint = call_days.fingerprint
        AND token_days.charge_date = call_days.charge_date
    WHERE call_days.calls > 0
),
weekdays AS (
    SELECT DISTINCT fingerprint, weekday
    FROM days
    WHERE is_during
)
SELECT
    days.fingerprint,
    days.is_during,
    count(*) AS days,
    avg(days.calls) AS calls,
    avg(days.refused_calls) AS refused_calls,
    avg(days.counted_tokens) AS counted_tokens,
    avg(days.input_tokens) AS input_tokens,
    avg(days.input_cost) AS input_cost,
    avg(days.output_tokens) AS output_tokens,
    avg(days.output_cost) AS output_cost,
    avg(days.read_tokens) AS read_tokens,
    avg(days.read_cost) AS read_cost,
    avg(days.write_tokens) AS write_tokens,
    avg(days.write_cost) AS write_cost
FROM days
INNER JOIN weekdays
    ON days.fingerprint = weekdays.fingerprint
    AND days.weekday = weekdays.weekday
GROUP BY 1, 2
ORDER BY 1, 2
