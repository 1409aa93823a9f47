/*
title = "What each team spent in the last 30 days, and in the 30 before, by account and service"
why   = """
The owner chain over every charge: a resource's tag, else the account's tag, else the account or OU in owners.toml.
`team` is null where nobody owns it; `tag_value` is what the tags say, whether owners.toml knows that name or not.
BilledCost is the invoice's basis, EffectiveCost what was used.
"""
reads = ["daily_charges", "accounts", "owner_rules"]
[parameters]
days = 30
tag_prefix = "^(resourcetags/|accounttag/|costcategory/|userattribute/|iamprincipal/)?(user:|user_|aws:)?"  # as in focuswatch/owners.py
*/
WITH spends AS (
    SELECT
        SubAccountId,
        ServiceName,
        Tags,
        sum(CASE WHEN charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date) THEN EffectiveCost ELSE 0 END)
            AS effective_cost,
        sum(CASE WHEN charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date) THEN BilledCost ELSE 0 END)
            AS billed_cost,
        sum(CASE WHEN charge_date < CAST($as_of - INTERVAL '1' DAY * $days AS date) THEN EffectiveCost ELSE 0 END)
            AS effective_cost_before
    FROM daily_charges
    WHERE charge_date >= CAST($as_of - INTERVAL '2' DAY * $days AS date)
        AND charge_date < $as_of
    GROUP BY 1, 2, 3
),
tag_maps AS (
    SELECT DISTINCT Tags FROM spends
    UNION
    SELECT DISTINCT tags FROM accounts
),
tag_values AS (                                               -- keys as focuswatch/owners.py compares them
    SELECT
        tag_maps.Tags,
        regexp_replace(lower(keys.tag_key), $tag_prefix, '') AS bare_key,
        trim(element_at(tag_maps.Tags, keys.tag_key)) AS tag_value
    FROM tag_maps
    CROSS JOIN UNNEST(map_keys(tag_maps.Tags)) AS keys (tag_key)
),
named_values AS (                                             -- the first key that is there wins
    SELECT
        tag_values.Tags,
        min_by(tag_values.bare_key, tag_keys.place) AS bare_key,
        min_by(tag_values.tag_value, tag_keys.place) AS tag_value
    FROM tag_values
    INNER JOIN owner_rules AS tag_keys ON tag_keys.rule = 'tag_key' AND tag_keys.key = tag_values.bare_key
    WHERE tag_values.tag_value <> ''
    GROUP BY 1
),
team_counts AS (
    SELECT count(team) AS teams FROM owner_rules
),
tagged_teams AS (
    SELECT
        named_values.Tags,
        named_values.tag_value,
        CASE WHEN team_counts.teams = 0 THEN named_values.tag_value ELSE tag_rules.team END AS team
    FROM named_values
    CROSS JOIN team_counts
    LEFT JOIN owner_rules AS tag_rules
        ON tag_rules.rule = 'tag'
        AND tag_rules.key = named_values.bare_key
        AND tag_rules.value = lower(named_values.tag_value)
),
ou_teams AS (
    SELECT accounts.sub_account_id, max_by(ou_rules.team, length(ou_rules.value)) AS team
    FROM accounts
    INNER JOIN owner_rules AS ou_rules
        ON ou_rules.rule = 'ou'
        AND starts_with('/' || regexp_replace(accounts.ou_path, '^/+|/+$', '') || '/', ou_rules.value || '/')
    GROUP BY 1
)
SELECT
    spends.SubAccountId AS sub_account_id,
    spends.ServiceName AS service_name,
    coalesce(resource_teams.team, account_teams.team, account_rules.team, ou_teams.team) AS team,
    coalesce(resource_teams.tag_value, account_teams.tag_value) AS tag_value,
    sum(spends.effective_cost) AS effective_cost,
    sum(spends.effective_cost_before) AS effective_cost_before,
    sum(spends.billed_cost) AS billed_cost
FROM spends
LEFT JOIN tagged_teams AS resource_teams ON spends.Tags = resource_teams.Tags
LEFT JOIN accounts ON spends.SubAccountId = accounts.sub_account_id
LEFT JOIN tagged_teams AS account_teams ON accounts.tags = account_teams.Tags
LEFT JOIN owner_rules AS account_rules
    ON account_rules.rule = 'account' AND account_rules.value = spends.SubAccountId
LEFT JOIN ou_teams ON spends.SubAccountId = ou_teams.sub_account_id
GROUP BY 1, 2, 3, 4
