/*
title = "OUs in owners.toml that no longer contain accounts"
why   = """
When an OU is renamed, owners.toml still contains its old name, and the spend of its accounts becomes unallocated. The
query returns each OU in owners.toml that contained accounts earlier but is empty now. For each of these OUs, the query
also returns the cost of its former accounts in the last 30 days. If an account left the OU within these 30 days, only
its cost from the day on which the account left is included. The query cannot distinguish a renamed OU from an OU whose
accounts were all moved. If you moved an account to an OU of another team intentionally, no action is required: the
account's spend is allocated to that team.
"""
reads = ["account_periods", "accounts", "owner_rules", "owned_days"]
[parameters]
days = 30
least_cost_usd = 1.0           # minimum cost of the former accounts of an OU; OUs with a lower cost are not listed
*/
WITH ou_periods AS (
    SELECT
        ou_rules.value AS ou,
        ou_rules.team,
        periods.sub_account_id,
        periods.valid_to,
        periods.is_current
    FROM account_periods AS periods
    INNER JOIN owner_rules AS ou_rules
        ON ou_rules.rule = 'ou'
        AND starts_with('/' || regexp_replace(periods.ou_path, '^/+|/+$', '') || '/', ou_rules.value || '/')
),
left_ous AS (
    SELECT ou, team, sub_account_id, max(valid_to) AS left_on
    FROM ou_periods
    WHERE ou NOT IN (SELECT ou FROM ou_periods WHERE is_current)
    GROUP BY 1, 2, 3
),
spends AS (
    SELECT
        left_ous.ou,
        left_ous.sub_account_id,
        sum(owned_days.effective_cost) AS effective_cost,
        sum(CASE WHEN owned_days.team IS NULL THEN owned_days.effective_cost ELSE 0 END) AS unallocated_cost
    FROM left_ous
    INNER JOIN owned_days
        ON left_ous.sub_account_id = owned_days.sub_account_id
        AND owned_days.charge_date >= left_ous.left_on
    WHERE owned_days.charge_kind IN ('usage', 'fee')
        AND owned_days.charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
    GROUP BY 1, 2
)
SELECT
    left_ous.ou,
    left_ous.team,
    max(left_ous.left_on) AS left_on,
    count(DISTINCT left_ous.sub_account_id) AS sub_accounts,
    array_agg(DISTINCT accounts.ou_path ORDER BY accounts.ou_path) AS current_ous,
    sum(coalesce(spends.effective_cost, 0)) AS effective_cost,
    sum(coalesce(spends.unallocated_cost, 0)) AS unallocated_cost
FROM left_ous
LEFT JOIN accounts ON left_ous.sub_account_id = accounts.sub_account_id
LEFT JOIN spends ON left_ous.ou = spends.ou AND left_ous.sub_account_id = spends.sub_account_id
GROUP BY 1, 2
HAVING sum(coalesce(spends.effective_cost, 0)) >= $least_cost_usd
ORDER BY unallocated_cost DESC, left_ous.ou
