/*
title = "Accounts with the days on which their OU and tags applied"
why   = """
An account that changed its OU or its tags has one row for each period: `valid_from` is included, `valid_to` is not. The table
account_history has the earlier periods, the table accounts has the current one. The first period includes all earlier days, and
the current one all later days, so that each day belongs to exactly one row. Reports that allocate cost read this table, so that
an account that changes its owner in the middle of a month keeps its first half with the first owner.
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
