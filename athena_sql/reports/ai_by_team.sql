/*
title = "AI spend, tokens, forecast and waste by team"
basis = "EffectiveCost of AI services and user subscriptions: usage, excluding fees, credits and tax"
forecast_of = "ai_team_days"
why   = """
The last row shows the total for all teams. The report includes the same AI charges as the report ai_spend. AI spend
without a team appears in the row (unallocated). `effective_cost` is the cost of the last 30 complete days (days whose
charges no longer change), and `effective_cost_before` is the cost of the previous 30 days. `million_tokens` is the
number of Amazon Bedrock tokens in millions, and `cost_per_million` is the cost of these tokens divided by
`million_tokens`. `month_to_date`, `forecast`, `low` and `high` are calculated for the current month as in the report
month_forecast, but from the EffectiveCost of AI charges only. `waste_monthly` is the monthly cost of the team's open
waste findings for AI resources; snoozed and excluded findings are not counted. `idle_monthly` is the part of
`waste_monthly` for resources without usage. If several findings report the same resource, its cost is counted once.
"""
[needs]
charges = "ai_family IS NOT NULL"
[offers]
cost = ["effective", "billed"]
charges = ["usage"]
more = ["fees", "credits", "tax"]
*/
WITH ai_resources AS (
    SELECT DISTINCT ResourceId AS resource_id
    FROM ai_charges
    WHERE ResourceId IS NOT NULL
),
ai_services AS (                                              -- GPU instances are charges of EC2, which is no AI service
    SELECT DISTINCT ServiceName AS service_name
    FROM ai_charges
    WHERE ai_family <> 'gpu'
),
team_amounts AS (
    SELECT
        days.team,
        CASE WHEN days.charge_date >= complete_30_days.first_day THEN days.usage_cost + days.fee_cost ELSE 0 END
            AS effective_cost,
        CASE WHEN days.charge_date < complete_30_days.first_day THEN days.usage_cost + days.fee_cost ELSE 0 END
            AS effective_cost_before,
        CASE WHEN days.charge_date >= complete_30_days.first_day THEN days.million_tokens ELSE 0 END AS million_tokens,
        CASE WHEN days.charge_date >= complete_30_days.first_day THEN days.token_cost ELSE 0 END AS token_cost,
        0E0 AS idle_monthly,
        0E0 AS waste_monthly
    FROM ai_team_days AS days
    CROSS JOIN complete_30_days
    WHERE days.charge_date >= complete_30_days.first_day_before
        AND days.charge_date < complete_30_days.end_day
    UNION ALL
    SELECT
        findings.team,
        0E0,
        0E0,
        0E0,
        0E0,
        CASE WHEN findings.detection LIKE 'idle%' OR findings.detection LIKE 'orphaned%' THEN findings.monthly_cost ELSE 0 END,
        findings.monthly_cost
    FROM known_findings AS findings
    LEFT JOIN ai_resources ON findings.resource_id = ai_resources.resource_id
    LEFT JOIN ai_services ON findings.resource_id IS NULL AND findings.service_name = ai_services.service_name
    WHERE findings.category = 'waste'
        AND findings.state = 'open'
        AND NOT findings.is_silenced
        AND coalesce(findings.is_counted, true)
        AND (ai_resources.resource_id IS NOT NULL OR ai_services.service_name IS NOT NULL)
),
teams AS (
    SELECT
        grouping(team) = 1 AS is_total,
        team,
        sum(effective_cost) AS effective_cost,
        sum(effective_cost_before) AS effective_cost_before,
        sum(million_tokens) AS million_tokens,
        sum(token_cost) AS token_cost,
        sum(idle_monthly) AS idle_monthly,
        sum(waste_monthly) AS waste_monthly
    FROM team_amounts
    GROUP BY GROUPING SETS ((team), ())
)
SELECT
    CASE WHEN is_total THEN '(total)' ELSE coalesce(team, '(unallocated)') END AS team,
    effective_cost,
    effective_cost_before,
    effective_cost / nullif(max(CASE WHEN is_total THEN effective_cost END) OVER (), 0) AS share,
    million_tokens,
    token_cost / nullif(million_tokens, 0) AS cost_per_million,
    CAST(NULL AS double) AS month_to_date,                    -- forecasts are computed outside SQL
    CAST(NULL AS double) AS forecast,
    CAST(NULL AS double) AS low,
    CAST(NULL AS double) AS high,
    idle_monthly,
    waste_monthly
FROM teams
WHERE abs(effective_cost) + abs(effective_cost_before) + million_tokens + waste_monthly > 0
ORDER BY CASE WHEN is_total THEN 1 ELSE 0 END, effective_cost DESC, team
