/*
title = "Tags, accounts and resources of planned launches"
why   = """
A use case in owners.toml matches charges by tag, account or resource. For each use case with a planned launch, the
table contains the tags, accounts and resources by which the use case matches charges. Each row also contains the first
day, the last day and the `factor` of the launch. `factor` is the maximum planned cost as a multiple of the baseline. In
each row, exactly one of the columns `tags` (all tags of a charge), `sub_account_id` and `resource` is set.
`is_beginning` is true if `resource` is a prefix of resource IDs.
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
