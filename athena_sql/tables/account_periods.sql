/*
title = "OU and tags of each account, by period"
why   = """
The table has one row for each period in which the OU and the tags of an account stayed the same. `valid_from` is the
first day of the period, and `valid_to` is the first day after the period. Earlier periods come from the table
account_history, and the current period comes from the table accounts. The first period also covers all days before it,
and the current period also covers all days after it, so each day belongs to exactly one period. If the OU or the tags
of an account change in the middle of a month, reports allocate the cost of each day to the team that owned the account
on that day.
"""
reads = ["accounts", "account_history"]
*/
WITH ended_periods AS (
    SELECT
        sub_account_id,
        name,
        ou_path,
        tags,
        lag(valid_to) OVER (PARTITION BY sub_account_id ORDER BY valid_to) AS valid_from,
        valid_to
    FROM account_history
),
last_ends AS (
    SELECT sub_account_id, max(valid_to) AS valid_from
    FROM account_history
    GROUP BY 1
)
SELECT
    sub_account_id,
    name,
    ou_path,
    tags,
    coalesce(valid_from, DATE '1900-01-01') AS valid_from,
    valid_to,
    false AS is_current
FROM ended_periods
UNION ALL
SELECT
    accounts.sub_account_id,
    accounts.name,
    accounts.ou_path,
    accounts.tags,
    coalesce(last_ends.valid_from, DATE '1900-01-01') AS valid_from,
    DATE '9999-12-31' AS valid_to,
    true AS is_current
FROM accounts
LEFT JOIN last_ends ON accounts.sub_account_id = last_ends.sub_account_id
