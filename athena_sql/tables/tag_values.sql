/*
title = "Tag values of charges and accounts"
why   = """
Each charge and each account has a set of tags (`Tags`). The table lists each tag of each set in a separate row, so that
queries can find the owner tags in a set. `bare_key` is the tag key in lower case, without a prefix such as `user:`.
In Python, the module focuswatch.catalog.strip_tag_key_prefixes converts tag keys by the same rule.
"""
reads = ["tagged_days", "account_periods"]
[parameters]
days = 400
*/
WITH tag_maps AS (
    SELECT DISTINCT Tags
    FROM tagged_days
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND charge_date < $as_of
    UNION
    SELECT DISTINCT tags FROM account_periods
)
SELECT
    tag_maps.Tags,
    regexp_replace(lower(keys.tag_key), $tag_prefix, '') AS bare_key,
    trim(element_at(tag_maps.Tags, keys.tag_key)) AS tag_value
FROM tag_maps
CROSS JOIN UNNEST(map_keys(tag_maps.Tags)) AS keys (tag_key)
