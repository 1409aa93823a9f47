/*
title = "Bedrock and AgentCore spend by caller, last 30 days"
basis = "EffectiveCost of Bedrock and AgentCore usage, excluding purchases, credits and tax"
why   = """
The report covers the last 30 complete days (days whose charges no longer change). The report has one row for each IAM
user, role or Bedrock API key in each account. If the bill names no caller for spend, the column `principal_type` has the
value `none`. Exports with IAM principals contain the callers of Amazon Bedrock from 2026-04-08 onward. `sessions` is the
number of sessions of the role, and `costliest_session` is the session with the highest cost. The total of all rows
equals the Bedrock and AgentCore spend on the bill.
"""
[parameters]
days = 75                      # the 30 complete days, and the incomplete days after them
[needs]
charges = "ai_family = 'bedrock'"
files = ["principals"]
[offers]
limits = "The export with IAM principals has one cost column and does not contain fees, credits or tax."
*/
WITH session_costs AS (
    SELECT
        sub_account_id,
        principal,
        principal_type,
        principal_name,
        session,
        max(team) AS team,
        sum(CASE WHEN token_kind IN ('input', 'cache read', 'cache write') THEN million_tokens ELSE 0 END) AS input_tokens,
        sum(CASE WHEN token_kind = 'output' THEN million_tokens ELSE 0 END) AS output_tokens,
        sum(effective_cost) AS effective_cost
    FROM principal_days
    CROSS JOIN complete_30_days
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND charge_date >= complete_30_days.first_day
        AND charge_date < complete_30_days.end_day
    GROUP BY 1, 2, 3, 4, 5
),
ranked_sessions AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY sub_account_id, principal, principal_type ORDER BY round(effective_cost, 6) DESC, session
        ) AS place
    FROM session_costs
)
SELECT
    sub_account_id,
    principal_type,
    principal_name,
    principal,
    max(CASE WHEN place = 1 THEN team END) AS team,
    sum(effective_cost) AS effective_cost,
    sum(effective_cost) / nullif(sum(sum(effective_cost)) OVER (), 0) AS share,
    sum(input_tokens) AS million_input_tokens,
    sum(output_tokens) AS million_output_tokens,
    count(session) AS sessions,
    max(CASE WHEN place = 1 THEN session END) AS costliest_session,
    max(CASE WHEN place = 1 AND session IS NOT NULL THEN effective_cost END) AS costliest_session_cost
FROM ranked_sessions
GROUP BY sub_account_id, principal_type, principal_name, principal
HAVING round(abs(sum(effective_cost)), 6) > 0
ORDER BY effective_cost DESC, sub_account_id, principal_type, principal
