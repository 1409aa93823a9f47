/*
title = "Bedrock token cost per run, ticket or customer, last 30 days"
basis = "EffectiveCost of Bedrock tokens, excluding purchases, credits and tax"
why   = """
The report covers the last 30 complete days (days whose charges no longer change). Model invocation logs contain the
caller (`identity.arn`) and the request metadata of each call, such as the ID of a run, ticket or customer. For each
metadata key, the report has one row for each value of the key, highest cost first. Logged tokens are priced at the cost
per token that the bill shows for the same day. The column `counted_as` states what a row contains. A row `value` shows
one value of the key. The row `other values` combines all values after the first 100. The row `no value` shows logged
calls without the key. Tokens that the logs of an account do not contain, such as tokens of batch inference, appear in
the row `not logged`. Tokens for accounts and days without a collected log appear in the row `no invocation log`. If the
logs contain tokens that are not on the bill yet, the row `not on the bill yet` offsets these tokens with negative
amounts.
Therefore, the rows of each key add up to the token spend on the bill. `average_cost` is the total cost of all values of
the key divided by the number of values. `unpriced_million_tokens` is the number (in millions) of logged tokens that
have no price because the bill for the same day does not contain their model. `uncounted_invocations` is the number of
calls without token counts in the log, such as failed calls.
"""
[parameters]
days = 75                      # the 30 complete days, and the incomplete days after them
most_values = 100
[needs]
charges = "ai_family = 'bedrock' AND regexp_like(SkuMeter, '(?i)token')"
files = ["invocations"]
[offers]
limits = "Logged tokens are priced at the EffectiveCost of the day; the logs do not contain fees, credits or tax."
*/
WITH recent_tokens AS (
    SELECT request_metadata_days.*
    FROM request_metadata_days
    CROSS JOIN complete_30_days
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND charge_date >= complete_30_days.first_day
        AND charge_date < complete_30_days.end_day
),
metadata_keys AS (
    SELECT DISTINCT keys.metadata_key
    FROM (SELECT DISTINCT metadata FROM recent_tokens WHERE metadata IS NOT NULL) AS maps
    CROSS JOIN UNNEST(map_keys(maps.metadata)) AS keys (metadata_key)
    UNION
    SELECT 'identity.arn'
),
valued_tokens AS (
    SELECT
        metadata_keys.metadata_key,
        CASE WHEN metadata_keys.metadata_key = 'identity.arn' THEN recent_tokens.iam_principal
            ELSE nullif(element_at(recent_tokens.metadata, metadata_keys.metadata_key), '')
        END AS metadata_value,
        recent_tokens.*
    FROM recent_tokens
    CROSS JOIN metadata_keys
),
execution_costs AS (
    SELECT
        metadata_key,
        metadata_value,
        CASE WHEN recorded <> 'logged' THEN recorded WHEN metadata_value IS NULL THEN 'no value' ELSE 'value' END
            AS counted_as,
        sum(invocations) AS invocations,
        sum(uncounted_invocations) AS uncounted_invocations,
        sum(CASE WHEN token_kind = 'output' THEN 0 ELSE million_tokens END) AS input_tokens,
        sum(CASE WHEN token_kind = 'output' THEN million_tokens ELSE 0 END) AS output_tokens,
        sum(CASE WHEN effective_cost IS NULL THEN million_tokens ELSE 0 END) AS unpriced_tokens,
        coalesce(sum(effective_cost), 0) AS effective_cost
    FROM valued_tokens
    GROUP BY 1, 2, 3
),
ranked_executions AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY metadata_key, counted_as ORDER BY round(effective_cost, 6) DESC, metadata_value
        ) AS place
    FROM execution_costs
),
folded_executions AS (
    SELECT
        metadata_key,
        CASE WHEN place <= $most_values THEN metadata_value END AS metadata_value,
        CASE WHEN counted_as = 'value' AND place > $most_values THEN 'other values' ELSE counted_as END AS counted_as,
        count(metadata_value) AS executions,
        sum(invocations) AS invocations,
        sum(uncounted_invocations) AS uncounted_invocations,
        sum(input_tokens) AS million_input_tokens,
        sum(output_tokens) AS million_output_tokens,
        sum(unpriced_tokens) AS unpriced_million_tokens,
        sum(effective_cost) AS effective_cost
    FROM ranked_executions
    GROUP BY 1, 2, 3
)
SELECT
    metadata_key,
    metadata_value,
    counted_as,
    executions,
    invocations,
    million_input_tokens,
    million_output_tokens,
    effective_cost,
    effective_cost / nullif(sum(effective_cost) OVER (PARTITION BY metadata_key), 0) AS share,
    sum(CASE WHEN executions > 0 THEN effective_cost END) OVER (PARTITION BY metadata_key)
        / nullif(sum(executions) OVER (PARTITION BY metadata_key), 0) AS average_cost,
    unpriced_million_tokens,
    uncounted_invocations
FROM folded_executions
ORDER BY
    metadata_key,
    CASE counted_as
        WHEN 'value' THEN 0
        WHEN 'other values' THEN 1
        WHEN 'no value' THEN 2
        WHEN 'not logged' THEN 3
        WHEN 'no invocation log' THEN 4
        ELSE 5
    END,
    effective_cost DESC,
    metadata_value
