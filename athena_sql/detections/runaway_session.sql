/*
title     = "Runaway agent or role session"
category  = "anomaly"
schedule  = "every_refresh"
notify    = "once"
why       = """
If an agent loops or retries endlessly, one session can cost many times as much as other sessions of the same role. The
cost of a runaway session may not be noticeable in the total cost of the account. AgentCore uses a separate role session
for each agent run, so the bill shows the cost of each run.
"""
reason    = "The {session_kind} {session} of role {principal_name} cost {session_cost} {currency} from {first_day} to {last_day}, {ratio} times the median cost of {sessions_of_role} sessions of this role ({median_cost} {currency}). Main model: {model}."
action    = """
1. Stop the session if it is still running: for AgentCore, aws bedrock-agentcore stop-runtime-session; otherwise revoke the active sessions of {principal_name} in the IAM console.
2. Review the usage of the session: {million_tokens} million tokens, of which {output_share}% are output tokens. Many input tokens and few output tokens suggest a loop that resends the conversation history.
3. Set a step limit and a token limit for the agent, and a budget for the role under [principal_budgets] in owners.toml.
"""
blind_spots = [
  "This detection requires a CUR 2.0 export that contains IAM principals (option --principals of focuswatch scan). AWS has recorded the callers of Amazon Bedrock only since 2026-04-08, so earlier sessions are not evaluated.",
  "A role with fewer than 9 sessions in the last 56 days is not evaluated, because the median of so few sessions is not reliable.",
  "Sessions whose name is used on more than 3 days, such as sessions of IAM Identity Center users and Lambda functions, are not evaluated. The detections principal_budget and token_burst evaluate the usage of sessions with recurring names.",
  "The bill contains daily amounts, so a session is reported at the earliest on the day after it ran.",
  "The cost of a session includes model calls, but not the CPU, memory and tools of AgentCore, because the bill does not show which caller incurred the AgentCore charges.",
]
sources   = [
  "https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-iam-principal-tracking.html",
  "https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-sessions.html",
]
[parameters]
history_days = 56
most_session_days = 3           # maximum number of days of a session; AWS ends role sessions after 12 hours and AgentCore sessions after 8 hours
least_sessions = 8
least_ratio = 4.0
least_session_cost_usd = 20.0   # minimum cost of a session above the median
[needs]
charges = "ai_family = 'bedrock'"
files = ["principals"]
*/
WITH model_sessions AS (
    SELECT
        sub_account_id,
        principal,
        principal_name,
        session,
        coalesce(model, 'other Bedrock usage') AS model,
        max_by(tags, effective_cost) FILTER (WHERE tags IS NOT NULL) AS tags,
        min(charge_date) AS first_day,
        max(charge_date) AS last_day,
        sum(million_tokens) AS million_tokens,
        sum(CASE WHEN token_kind = 'output' THEN million_tokens ELSE 0 END) AS output_tokens,
        sum(effective_cost) AS effective_cost,
        row_number() OVER (
            PARTITION BY sub_account_id, principal, session
            ORDER BY round(sum(effective_cost), 6) DESC, coalesce(model, 'other Bedrock usage')
        ) AS place
    FROM principal_days
    WHERE charge_date >= CAST($first_new_day - INTERVAL '1' DAY * $history_days AS date)
        AND charge_date < $as_of
        AND session IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5
),
sessions AS (
    SELECT
        sub_account_id,
        principal,
        principal_name,
        session,
        max(CASE WHEN place = 1 THEN model END) AS model,
        max_by(tags, effective_cost) FILTER (WHERE tags IS NOT NULL) AS tags,
        min(first_day) AS first_day,
        max(last_day) AS last_day,
        sum(million_tokens) AS million_tokens,
        sum(output_tokens) AS output_tokens,
        sum(effective_cost) AS effective_cost
    FROM model_sessions
    GROUP BY 1, 2, 3, 4
    HAVING date_diff('day', min(first_day), max(last_day)) < $most_session_days
),
ranked_sessions AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY sub_account_id, principal ORDER BY effective_cost, session) AS cost_place,
        count(*) OVER (PARTITION BY sub_account_id, principal) AS sessions_of_role
    FROM sessions
),
compared_sessions AS (
    SELECT
        *,
        avg(CASE WHEN cost_place * 2 BETWEEN sessions_of_role AND sessions_of_role + 2 THEN effective_cost END)
            OVER (PARTITION BY sub_account_id, principal) AS median_cost
    FROM ranked_sessions
)
SELECT
    sub_account_id,
    CAST(NULL AS varchar) AS region_id,
    principal || '/' || session AS resource_id,
    effective_cost - median_cost AS monthly_cost,
    0E0 AS monthly_cost_if_continues,                                       -- a session ends by itself
    tags,
    CASE WHEN session LIKE 'BedrockAgentCore-%' THEN 'AgentCore session' ELSE 'session' END AS session_kind,
    session,
    principal_name,
    effective_cost AS session_cost,
    median_cost,
    effective_cost / nullif(median_cost, 0) AS ratio,
    sessions_of_role,
    model,
    million_tokens,
    output_tokens / nullif(million_tokens, 0) * 100 AS output_share,
    first_day,
    last_day,
    false AS not_evaluated,
    CAST(NULL AS varchar) AS lacks_input
FROM compared_sessions
WHERE last_day >= $first_new_day
    AND sessions_of_role > $least_sessions
    AND round(effective_cost, 9) > round($least_ratio * median_cost, 9)
    AND round(effective_cost - median_cost, 6) >= $least_session_cost_usd
UNION ALL
SELECT
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    0E0,
    0E0,
    NULL,
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    CAST(NULL AS double),
    CAST(NULL AS double),
    CAST(NULL AS double),
    CAST(NULL AS bigint),
    CAST(NULL AS varchar),
    CAST(NULL AS double),
    CAST(NULL AS double),
    last_caller_day,
    last_bill_day,
    true,
    lacks_input
FROM callers_not_evaluated
ORDER BY monthly_cost DESC, sub_account_id, resource_id
