/*
title = "Team for each set of tags"
why   = """
Each charge and each account has a set of tags. The table has one row for each set of tags that contains an owner tag.
`tag_value` is the value of the first owner tag that has a value. `team` is the team to which owners.toml assigns
`tag_value`, or null if owners.toml does not list the value. If owners.toml does not define any teams, `team` equals
`tag_value`.
"""
reads = ["tag_values", "owner_rules"]
*/
WITH named_values AS (                                             -- the first key with a value wins
    SELECT
        tag_values.Tags,
        min_by(tag_values.bare_key, tag_keys.place) FILTER (WHERE tag_values.bare_key IS NOT NULL) AS bare_key,
        min_by(tag_values.tag_value, tag_keys.place) FILTER (WHERE tag_values.tag_value IS NOT NULL) AS tag_value
    FROM tag_values
    INNER JOIN owner_rules AS tag_keys ON tag_keys.rule = 'tag_key' AND tag_keys.key = tag_values.bare_key
    WHERE tag_values.tag_value <> ''
    GROUP BY 1
),
team_counts AS (
    SELECT count(team) AS teams FROM owner_rules
)
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
