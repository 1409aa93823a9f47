/*
title = "What planned launches cost by day, account, service and resource"
why   = """
A launch in owners.toml says: from this day through that one, up to `factor` times the usual is meant. Here stand the
charges that the rows of its use case name, on those days; who asks for the unusual lets so much pass, and tells what
goes beyond. `own_cost` is what they cost that account's service a day in the four weeks before, `usual_cost` the same,
or where there was nothing of them yet, what that account's service cost.
"""
reads = ["daily_charges", "daily_services", "accounts", "plan_rules", "launches"]
[parameters]
days_before = 28
tag_prefix = "^(resourcetags/|accounttag/|costcategory/|userattribute/|iamprincipal/)?(user:|user_|aws:)?"  # as in focuswatch/owners.py
*/
WITH launch_spans AS (
    SELECT
        CAST(min(first_day) - INTERVAL '1' DAY * $days_before AS date) AS first_day,
        max(last_day) AS last_day
    FROM launches
),
spends AS (
    SELECT
        charges.charge_date,
        charges.SubAccountId,
        charges.ServiceName,
        charges.ResourceId,
        charges.Tags,
        sum(charges.EffectiveCost) AS effective_cost
    FROM daily_charges AS charges
    INNER JOIN launch_spans ON charges.charge_date BETWEEN launch_spans.first_day AND launch_spans.last_day
    WHERE charges.charge_date < $as_of
        AND charges.ChargeCategory = 'Usage'
    GROUP BY 1, 2, 3, 4, 5
),
tag_maps AS (
    SELECT Tags FROM spends
    UNION
    SELECT tags FROM accounts
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
use_case_charges AS (                                         -- UNION: what two rules name is there once
    SELECT spends.*, rules.use_case
    FROM spends
    INNER JOIN plan_rules AS rules
        ON (rules.rule = 'account' AND rules.value = spends.SubAccountId)
        OR (
            rules.rule = 'resource'
            AND starts_with(spends.ResourceId, rules.value)
            AND (rules.key IS NOT NULL OR spends.ResourceId = rules.value)
        )
    UNION
    SELECT spends.*, tagged.use_case
    FROM spends
    INNER JOIN tag_use_cases AS tagged ON spends.Tags = tagged.Tags
    UNION
    SELECT spends.*, tagged.use_case
    FROM spends
    INNER JOIN accounts ON spends.SubAccountId = accounts.sub_account_id
    INNER JOIN tag_use_cases AS tagged ON accounts.tags = tagged.Tags
),
launch_charges AS (
    SELECT
        charges.charge_date,
        charges.SubAccountId AS sub_account_id,
        charges.ServiceName AS service_name,
        charges.ResourceId AS resource_id,
        charges.use_case,
        launches.first_day,
        launches.last_day,
        launches.factor,
        sum(charges.effective_cost) AS effective_cost
    FROM use_case_charges AS charges
    INNER JOIN launches
        ON charges.use_case = launches.use_case
        AND date_diff('day', charges.charge_date, launches.first_day) <= $days_before
        AND charges.charge_date <= launches.last_day
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
),
service_days AS (
    SELECT
        launches.use_case,
        launches.first_day,
        services.SubAccountId AS sub_account_id,
        services.ServiceName AS service_name,
        sum(services.EffectiveCost) / $days_before AS service_cost
    FROM daily_services AS services
    INNER JOIN launches
        ON services.charge_date < launches.first_day
        AND date_diff('day', services.charge_date, launches.first_day) <= $days_before
    WHERE services.ChargeCategory = 'Usage'
    GROUP BY 1, 2, 3, 4
),
weighed_charges AS (
    SELECT
        *,
        sum(CASE WHEN charge_date < first_day THEN effective_cost ELSE 0 END)
            OVER (PARTITION BY use_case, first_day, sub_account_id, service_name) / $days_before AS own_cost
    FROM launch_charges
)
SELECT
    charges.*,
    coalesce(CASE WHEN charges.own_cost > 0 THEN charges.own_cost ELSE service_days.service_cost END, 0) AS usual_cost
FROM weighed_charges AS charges
LEFT JOIN service_days
    ON charges.use_case = service_days.use_case
    AND charges.first_day = service_days.first_day
    AND charges.sub_account_id IS NOT DISTINCT FROM service_days.sub_account_id
    AND charges.service_name IS NOT DISTINCT FROM service_days.service_name
WHERE charges.charge_date >= charges.first_day
