/*
title = "Current spend rate of Bedrock tokens (estimate)"
basis = "Estimate: tokens counted by CloudWatch × most recent price on the bill, until the bill for the day is complete"
why   = """
The report covers the most recent 24 hours with token counts. The report has one row for each combination of account and
model (or application inference profile) with token usage. `hourly_cost` is the estimated cost of the hour that starts
at `last_hour`. `average_hourly_cost` is the average cost per hour in the last 24 hours. `usual_hourly_cost` is the
average cost of the same hour of the day in the previous seven days. `day_cost` is the estimated cost of the current day
through `last_hour`. `unpriced_million_tokens` is the number (in millions) of tokens without a price on the bill in the
last 24 hours. The estimates do not include the cost of these tokens.
"""
[parameters]
usual_days = 7
[needs]
charges = "ai_family = 'bedrock' AND regexp_like(SkuMeter, '(?i)token')"
files = ["token_hours"]
[offers]
limits = "The estimate is computed from token counts and the most recent price on the bill, not from charges."
*/
WITH spans AS (
    SELECT
        max(hour_number) AS last_number,
        max(token_date) AS last_date,
        mod(max(hour_number), 24) AS last_hour_of_day
    FROM token_cost_hours
)
SELECT
    hours.sub_account_id,
    max(accounts.name) AS sub_account_name,
    hours.workload,
    max_by(hours.model, hours.hour_number) FILTER (WHERE hours.model IS NOT NULL) AS model,
    CAST(spans.last_date AS varchar) || ' ' || lpad(CAST(spans.last_hour_of_day AS varchar), 2, '0') || ':00 UTC' AS last_hour,
    sum(CASE WHEN hours.hour_number = spans.last_number THEN hours.estimated_cost ELSE 0 END) AS hourly_cost,
    sum(CASE WHEN spans.last_number - hours.hour_number < 24 THEN hours.estimated_cost ELSE 0 END) / 24 AS average_hourly_cost,
    sum(CASE
        WHEN hours.hour_number < spans.last_number AND mod(spans.last_number - hours.hour_number, 24) = 0
            THEN hours.estimated_cost
        ELSE 0
    END) / $usual_days AS usual_hourly_cost,
    sum(CASE WHEN hours.token_date = spans.last_date THEN hours.estimated_cost ELSE 0 END) AS day_cost,
    sum(CASE WHEN spans.last_number - hours.hour_number < 24 THEN hours.million_tokens ELSE 0 END) AS million_tokens,
    sum(CASE WHEN spans.last_number - hours.hour_number < 24 THEN hours.unpriced_tokens ELSE 0 END) AS unpriced_million_tokens
FROM token_cost_hours AS hours
CROSS JOIN spans
LEFT JOIN accounts ON hours.sub_account_id = accounts.sub_account_id
WHERE spans.last_number - hours.hour_number <= 24 * $usual_days
GROUP BY hours.sub_account_id, hours.workload, spans.last_date, spans.last_hour_of_day
HAVING sum(CASE WHEN spans.last_number - hours.hour_number < 24 THEN hours.million_tokens ELSE 0 END) > 0
ORDER BY hourly_cost DESC, sub_account_id, workload
