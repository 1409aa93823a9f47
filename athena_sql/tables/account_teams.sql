/*
title = "Teams of accounts"
why   = """
The team of a charge whose tags name no team: that of the account's tag, then of the account in owners.toml, then of its OU.
`tag_value` is the value of the account's owner tag, even if owners.toml does not list this value.
"""
reads = ["accounts", "owner_rules", "tag_teams"]
*/
WITH ou_teams AS (
    SELECT
        accounts.sub_account_id,
        max_by(ou_rules.team, length(ou_rules.value)) FILTER (WHERE ou_rules.team IS NOT NULL) AS team
    FROM accounts
    INNER JOIN owner_rules AS ou_rules
        ON ou_rules.rule = 'ou'
        AND starts_with('/' || regexp_replace(accounts.ou_path, '^/+|/+$', '') || '/', ou_rules.value || '/')
    GROUP BY 1
),
account_ids AS (
    SELECT sub_account_id FROM accounts
    UNION
    SELECT value FROM owner_rules WHERE rule = 'account'
)
SELECT
    account_ids.sub_account_id,
    tag_teams.tag_value,
    coalesce(tag_teams.team, account_rules.team, ou_teams.team) AS team
FROM account_ids
LEFT JOIN accounts ON account_ids.sub_account_id = accounts.sub_account_id
LEFT JOIN tag_teams ON accounts.tags = tag_teams.Tags
LEFT JOIN owner_rules AS account_rules
    ON account_rules.rule = 'account' AND account_rules.value = account_ids.sub_account_id
LEFT JOIN ou_teams ON account_ids.sub_account_id = ou_teams.sub_account_id
