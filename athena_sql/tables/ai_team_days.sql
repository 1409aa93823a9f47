/*
title = "AI spend and tokens by day, team, account and service"
why   = """
The table allocates the AI charges in the table ai_layer_charges to teams by the same rules as the table owned_days.
`team` is null if a charge is unallocated. `fee_cost` is the cost of user subscriptions that are billed once a month,
and `usage_cost` is the cost of all other charges. `million_tokens` is the number of tokens from the table
token_charges, in millions. `token_cost` is the cost of these tokens and is part of `usage_cost`.
"""
reads = ["ai_layer_charges", "token_charges", "tag_teams", "account_teams", "completeness"]
[parameters]
days = 155                # as in the table forecast_days
*/
WITH charges AS (
    SELECT
        charge_date,
        SubAccountId,
        ServiceName,
        Tags,
        CASE
            WHEN ChargeCategory = 'Purchase' OR ChargeFrequency IN ('Recurring', 'One-Time') THEN 0 ELSE EffectiveCost
        END AS usage_cost,
        CASE
            WHEN ChargeCategory = 'Purchase' OR ChargeFrequency IN ('Recurring', 'One-Time') THEN EffectiveCost ELSE 0
        END AS fee_cost,
        0E0 AS million_tokens,
        0E0 AS token_cost
    FROM ai_layer_charges
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND charge_date < $as_of
    UNION ALL
    SELECT
        charge_date,
        sub_account_id,
        service_name,
        tags,
        0E0,
        0E0,
        million_tokens,
        effective_cost
    FROM token_charges
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND charge_date < $as_of
),
charge_days AS (
    SELECT
        charge_date,
        SubAccountId,
        ServiceName,
        Tags,
        sum(usage_cost) AS usage_cost,
        sum(fee_cost) AS fee_cost,
        sum(million_tokens) AS million_tokens,
        sum(token_cost) AS token_cost
    FROM charges
    GROUP BY 1, 2, 3, 4
)
SELECT
    coalesce(tag_teams.team, account_teams.team) AS team,
    charge_days.SubAccountId AS sub_account_id,
    charge_days.ServiceName AS service_name,
    charge_days.charge_date,
    bool_or(coalesce(completeness.is_settled, false)) AS is_settled,
    sum(charge_days.usage_cost) AS usage_cost,
    sum(charge_days.fee_cost) AS fee_cost,
    sum(charge_days.million_tokens) AS million_tokens,
    sum(charge_days.token_cost) AS token_cost
FROM charge_days
LEFT JOIN tag_teams ON charge_days.Tags = tag_teams.Tags
LEFT JOIN account_teams
    ON charge_days.SubAccountId = account_teams.sub_account_id
    AND charge_days.charge_date >= account_teams.valid_from
    AND charge_days.charge_date < account_teams.valid_to
LEFT JOIN completeness
    ON charge_days.SubAccountId IS NOT DISTINCT FROM completeness.sub_account_id
    AND charge_days.charge_date = completeness.charge_date
GROUP BY 1, 2, 3, 4
