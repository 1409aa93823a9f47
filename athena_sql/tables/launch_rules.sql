/*
title = "Which tags, accounts and resources a planned launch in owners.toml names"
why   = """
A use case names what is its by tag, account or resource; here stands what those of use cases with a launch come to in
this bill, with the launch's days and factor. Of `tags` (a whole map), `sub_account_id` and `resource` one is given;
`is_beginning` says that a resource's name only has to begin so.
"""
reads = ["tagged_days", "accounts", "plan_rules", "launches"]
*/
WITH tag_maps AS (
    SELECT Tags FROM tagged_days WHERE Tags IS NOT NULL
    UNION
    SELECT tags FROM accounts WHERE tags IS NOT NULL
),
tag_use_cases AS (
    SELECT DISTINCT tag_maps.Tags, rules.use_case
    FROM tag_maps
    CROSS JOIN UNNEST(map_keys(tag_maps.Tags)) AS keys (tag_key)
    INNER JOIN plan_rules AS rules
        ON rules.rule = 'tag'
        AND rules.key = regexp_replace(lower(keys.tag_key), $tag_prefix, '')
        AND rules.value = lower(trim(element_at(tag_maps.Tags, keys.tag_key)))
),
named AS (
    SELECT
        use_case,
        Tags AS tags,
        CAST(NULL AS varchar) AS sub_account_id,
        CAST(NULL AS varchar) AS resource,
        false AS is_beginning
    FROM tag_use_cases
    UNION ALL
    SELECT tag_use_cases.use_case, NULL, accounts.sub_account_id, NULL, false
    FROM accounts
    INNER JOIN tag_use_cases ON accounts.tags = tag_use_cases.Tags
    UNION ALL
    SELECT use_case, NULL, value, NULL, false
    FROM plan_rules
    WHERE rule = 'account'
    UNION ALL
    SELECT use_case, NULL, NULL, value, key IS NOT NULL
    FROM plan_rules
    WHERE rule = 'resource'
)
SELECT named.*, launches.first_day, launches.last_day, launches.factor
FROM named
INNER JOIN launches ON named.use_case = launches.use_case
