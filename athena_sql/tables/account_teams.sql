/*
title = "Team of each account, by period"
why   = """
If the tags of a charge do not name a team, the charge is allocated to the account's team in this table. The account's
team is the first team that is found in this order: the owner tag of the account, the owner of the account in
owners.toml, and the owner of its OU. If the OU or the tags of an account changed, the table has one row for each period
of the account, as in the table account_periods. `tag_value` is the value of the account's owner tag, even if
owners.toml does not list this value.
"""
reads = ["account_periods", "owner_rules", "tag_teams"]
*/
WITH ou_teams AS (
    SELECT
        units.ou_path,
        max_by(ou_rules.team, length(ou_rules.value)) FILTER (WHERE ou_rules.team IS NOT NULL) AS team
    FROM (SELECT DISTINCT ou_path FROM account_periods) AS units
    INNER JOIN owner_rules AS ou_rules
        ON ou_rules.rule = 'ou'
        AND starts_with('/' || regexp_replace(units.ou_path, '^/+|/+$', '') || '/', ou_rules.value || '/')
    GROUP BY 1
)
SELECT
    account_periods.sub_account_id,
    account_periods.valid_from,
    account_periods.valid_to,
    tag_teams.tag_value,
    coalesce(tag_teams.team, account_rules.team, ou_teams.team) AS team
FROM account_periods
LEFT JOIN tag_teams ON account_periods.tags = tag_teams.Tags
LEFT JOIN owner_rules AS account_rules
    ON account_rules.rule = 'account' AND account_rules.value = account_periods.sub_account_id
LEFT JOIN ou_teams ON account_periods.ou_path = ou_teams.ou_path
UNION ALL
SELECT                                                        -- accounts that owners.toml lists, and the list of accounts does not
    rules.value AS sub_account_id,
    DATE '1900-01-01' AS valid_from,
    DATE '9999-12-31' AS valid_to,
    CAST(NULL AS varchar) AS tag_value,
    rules.team
FROM owner_rules AS rules
LEFT JOIN account_periods ON rules.value = account_periods.sub_account_id
WHERE rules.rule = 'account' AND account_periods.sub_account_id IS NULL
