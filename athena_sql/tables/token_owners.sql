/*
title = "Teams and use cases for recent Bedrock token costs"
why   = """
The token counts in CloudWatch do not have tags. The table allocates the tokens to teams and use cases in proportion to
their charges in the last 14 days for the same account and application inference profile. If the tokens were used
without an application inference profile, the table uses the charges for the same account and model. Teams and use cases
are assigned by the same rules as in the table owned_days, but this table covers only token charges. The table is
therefore small enough for an hourly query. `workload` is the ARN of the application inference profile, or `model`
followed by the name of the model.
"""
reads = ["token_charges", "accounts", "owner_rules", "plans", "plan_rules"]
[parameters]
days = 14
*/
WITH token_spends AS (
    SELECT
        sub_account_id,
        CASE WHEN resource_id LIKE '%application-inference-profile/%' THEN resource_id ELSE 'model ' || model END AS workload,
        resource_id,
        tags,
        sum(effective_cost) AS effective_cost
    FROM token_charges
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND charge_date < $as_of
        AND tier <> 'batch'                                   -- CloudWatch does not count it
    GROUP BY 1, 2, 3, 4
),
resource_use_cases AS (                                       -- the longest match wins, and a full name over a prefix
    SELECT
        resources.resource_id,
        max_by(rules.use_case, 2 * length(rules.value) + if(rules.key IS NULL, 1, 0))
            FILTER (WHERE rules.use_case IS NOT NULL) AS use_case
    FROM (SELECT DISTINCT resource_id FROM token_spends WHERE resource_id IS NOT NULL) AS resources
    INNER JOIN plan_rules AS rules
        ON rules.rule = 'resource' AND starts_with(resources.resource_id, rules.value)
    WHERE rules.key IS NOT NULL OR resources.resource_id = rules.value
    GROUP BY 1
),
tag_maps AS (
    SELECT tags FROM token_spends WHERE tags IS NOT NULL
    UNION
    SELECT tags FROM accounts WHERE tags IS NOT NULL
),
token_tag_values AS (                                               -- keys as focuswatch.catalog.strip_tag_key_prefixes compares them
    SELECT
        tag_maps.tags,
        regexp_replace(lower(keys.tag_key), $tag_prefix, '') AS bare_key,
        lower(trim(element_at(tag_maps.tags, keys.tag_key))) AS tag_value
    FROM tag_maps
    CROSS JOIN UNNEST(map_keys(tag_maps.tags)) AS keys (tag_key)
),
tagged_teams AS (                                             -- the first key with a value wins
    SELECT
        named_values.tags,
        min_by(rules.team, named_values.place) FILTER (WHERE rules.team IS NOT NULL) AS team
    FROM (
        SELECT
            token_tag_values.*,
            tag_keys.place,
            row_number() OVER (PARTITION BY token_tag_values.tags ORDER BY tag_keys.place, token_tag_values.tag_value) AS recency
        FROM token_tag_values
        INNER JOIN owner_rules AS tag_keys ON tag_keys.rule = 'tag_key' AND tag_keys.key = token_tag_values.bare_key
        WHERE token_tag_values.tag_value <> ''
    ) AS named_values
    INNER JOIN owner_rules AS rules
        ON rules.rule = 'tag' AND rules.key = named_values.bare_key AND rules.value = named_values.tag_value
    WHERE named_values.recency = 1
    GROUP BY 1
),
tagged_use_cases AS (
    SELECT
        token_tag_values.tags,
        min_by(rules.use_case, rules.place) FILTER (WHERE rules.use_case IS NOT NULL) AS use_case
    FROM token_tag_values
    INNER JOIN plan_rules AS rules
        ON rules.rule = 'tag' AND rules.key = token_tag_values.bare_key AND rules.value = token_tag_values.tag_value
    GROUP BY 1
),
ou_teams AS (
    SELECT
        accounts.sub_account_id,
        max_by(ou_rules.team, length(ou_rules.value)) FILTER (WHERE ou_rules.team IS NOT NULL) AS team
    FROM accounts
    INNER JOIN owner_rules AS ou_rules
        ON ou_rules.rule = 'ou'
        AND starts_with('/' || regexp_replace(accounts.ou_path, '^/+|/+$', '') || '/', ou_rules.value || '/')
    GROUP BY 1
),
owned_spends AS (
    SELECT
        token_spends.*,
        coalesce(by_tag.team, by_account_tag.team, account_rules.team, ou_teams.team) AS team,
        coalesce(resource_use_cases.use_case, named.use_case, account_named.use_case, by_account.use_case) AS named_use_case
    FROM token_spends
    LEFT JOIN resource_use_cases ON token_spends.resource_id = resource_use_cases.resource_id
    LEFT JOIN tagged_teams AS by_tag ON token_spends.tags = by_tag.tags
    LEFT JOIN tagged_use_cases AS named ON token_spends.tags = named.tags
    LEFT JOIN accounts ON token_spends.sub_account_id = accounts.sub_account_id
    LEFT JOIN tagged_teams AS by_account_tag ON accounts.tags = by_account_tag.tags
    LEFT JOIN tagged_use_cases AS account_named ON accounts.tags = account_named.tags
    LEFT JOIN owner_rules AS account_rules
        ON account_rules.rule = 'account' AND account_rules.value = token_spends.sub_account_id
    LEFT JOIN plan_rules AS by_account
        ON by_account.rule = 'account' AND by_account.value = token_spends.sub_account_id
    LEFT JOIN ou_teams ON token_spends.sub_account_id = ou_teams.sub_account_id
)
SELECT
    owned_spends.sub_account_id,
    owned_spends.workload,
    owned_spends.tags,
    owned_spends.team,
    coalesce(owned_spends.named_use_case, by_team.use_case) AS use_case,
    sum(owned_spends.effective_cost) AS effective_cost
FROM owned_spends
LEFT JOIN plan_rules AS by_team ON by_team.rule = 'team' AND by_team.value = owned_spends.team
GROUP BY 1, 2, 3, 4, 5
