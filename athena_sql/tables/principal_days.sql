/*
title = "Bedrock and AgentCore spend by day and caller"
why   = """
`principal` is the IAM user, API key or role that called the model. All sessions of a role have the same `principal`,
and `session` is the name of the session. The column `principal_type` has one of these values: user, API key, role,
federated user, root user, or other. If the bill names no caller, `principal_type` has the value `none`. If the export
with IAM principals contains spend that the bill does not contain yet, a row with negative amounts offsets this spend.
In this row, `principal_type` has the value `not on the bill yet`. For each day, account and meter, the sum of all rows
equals the total on the bill. `team` is the team in the caller's tag or, for a caller without this tag, the team of the
account. AWS has recorded the callers of Amazon Bedrock since 2026-04-08. For a Bedrock API key, `principal_name` is the
name of the IAM user that owns the key. The names of these users have the prefix `BedrockAPIKey-` (see
https://aws.amazon.com/blogs/machine-learning/introducing-granular-cost-attribution-for-amazon-bedrock/).
"""
reads = ["principal_charges", "ai_charges", "token_charges", "account_teams", "owner_rules"]
[parameters]
days = 400
*/
WITH token_meters AS (
    SELECT
        sku_meter,
        CASE WHEN meter LIKE 'MP:%' THEN model END AS marketplace_model,    -- models of AWS Marketplace share their meters
        max(model) AS model,
        max(token_kind) AS token_kind,
        sum(million_tokens) / sum(quantity) AS million_tokens_per_unit
    FROM token_charges
    WHERE quantity > 0
    GROUP BY 1, 2
),
bill_days AS (
    SELECT
        charge_date,
        SubAccountId AS sub_account_id,
        RegionId AS region_id,
        SkuMeter AS sku_meter,
        CASE WHEN meter LIKE 'MP:%' THEN coalesce(regexp_replace(ServiceName, ' *\(Amazon Bedrock Edition\)$', ''), meter) END
            AS marketplace_model,
        sum(coalesce(ConsumedQuantity, PricingQuantity)) AS quantity,
        sum(EffectiveCost) AS effective_cost
    FROM ai_charges
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND charge_date < $as_of
        AND ai_family IN ('bedrock', 'agentcore')
        AND ChargeCategory = 'Usage'
    GROUP BY 1, 2, 3, 4, 5
),
caller_days AS (
    SELECT
        principal_charges.charge_date,
        principal_charges.sub_account_id,
        principal_charges.region_id,
        principal_charges.sku_meter,
        CASE WHEN regexp_like(principal_charges.sku_meter, '^([A-Z]{3}[0-9]{1,2}-|EU-)?MP:')
            THEN coalesce(regexp_replace(principal_charges.product_name, ' *\(Amazon Bedrock Edition\)$', ''), 'unknown model')
        END AS marketplace_model,
        principal_charges.iam_principal,
        principal_charges.tags,
        sum(principal_charges.quantity) AS quantity,
        sum(principal_charges.effective_cost) AS effective_cost
    FROM principal_charges
    INNER JOIN (SELECT DISTINCT sub_account_id, sku_meter FROM bill_days) AS bill_meters  -- AI meters only
        ON principal_charges.sub_account_id = bill_meters.sub_account_id
        AND principal_charges.sku_meter = bill_meters.sku_meter
    WHERE principal_charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND principal_charges.charge_date < $as_of
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
remainders AS (
    SELECT
        charge_date,
        sub_account_id,
        max(region_id) AS region_id,                                        -- a meter is of one region
        sku_meter,
        marketplace_model,
        sum(quantity) AS quantity,
        sum(effective_cost) AS effective_cost
    FROM (
        SELECT charge_date, sub_account_id, region_id, sku_meter, marketplace_model, quantity, effective_cost FROM bill_days
        UNION ALL
        SELECT charge_date, sub_account_id, region_id, sku_meter, marketplace_model, -quantity, -effective_cost FROM caller_days
    ) AS differences
    GROUP BY charge_date, sub_account_id, sku_meter, marketplace_model
    HAVING round(abs(sum(effective_cost)), 6) > 0 OR round(abs(sum(quantity)), 6) > 0
),
named_callers AS (
    SELECT
        *,
        coalesce(regexp_extract(iam_principal, '^(.*:assumed-role/[^/]+)', 1), iam_principal) AS principal,
        CASE
            WHEN regexp_like(iam_principal, ':(assumed-role|role)/') THEN 'role'
            WHEN regexp_like(iam_principal, ':user/(.*/)?BedrockAPIKey-') THEN 'API key'
            WHEN regexp_like(iam_principal, ':user/') THEN 'user'
            WHEN regexp_like(iam_principal, ':federated-user/') THEN 'federated user'
            WHEN regexp_like(iam_principal, ':root$') THEN 'root user'
            ELSE 'other'
        END AS principal_type,
        coalesce(
            regexp_extract(iam_principal, ':assumed-role/([^/]+)', 1),
            regexp_extract(iam_principal, ':(?:user|role|federated-user)/(?:.*/)?([^/]+)$', 1),
            iam_principal
        ) AS principal_name,
        regexp_extract(iam_principal, ':assumed-role/[^/]+/(.+)$', 1) AS session
    FROM caller_days
    UNION ALL
    SELECT
        charge_date,
        sub_account_id,
        region_id,
        sku_meter,
        marketplace_model,
        CAST(NULL AS varchar),
        NULL,
        quantity,
        effective_cost,
        CAST(NULL AS varchar),
        CASE WHEN effective_cost < 0 THEN 'not on the bill yet' ELSE 'none' END,
        CAST(NULL AS varchar),
        CAST(NULL AS varchar)
    FROM remainders
),
caller_tag_values AS (                                        -- a caller's tags, not those of the inference profile
    SELECT
        tag_maps.tags,
        regexp_replace(lower(keys.tag_key), $tag_prefix, '') AS bare_key,
        trim(element_at(tag_maps.tags, keys.tag_key)) AS tag_value
    FROM (SELECT DISTINCT tags FROM principal_charges) AS tag_maps
    CROSS JOIN UNNEST(map_keys(tag_maps.tags)) AS keys (tag_key)
    WHERE lower(keys.tag_key) LIKE 'iamprincipal/%'
),
named_values AS (                                             -- the first key with a value wins
    SELECT
        tag_values.tags,
        min_by(tag_values.bare_key, tag_keys.place) FILTER (WHERE tag_values.bare_key IS NOT NULL) AS bare_key,
        min_by(tag_values.tag_value, tag_keys.place) FILTER (WHERE tag_values.tag_value IS NOT NULL) AS tag_value
    FROM caller_tag_values AS tag_values
    INNER JOIN owner_rules AS tag_keys ON tag_keys.rule = 'tag_key' AND tag_keys.key = tag_values.bare_key
    WHERE tag_values.tag_value <> ''
    GROUP BY 1
),
team_counts AS (
    SELECT count(team) AS teams FROM owner_rules
),
caller_teams AS (
    SELECT
        named_values.tags,
        CASE WHEN team_counts.teams = 0 THEN named_values.tag_value ELSE tag_rules.team END AS team
    FROM named_values
    CROSS JOIN team_counts
    LEFT JOIN owner_rules AS tag_rules
        ON tag_rules.rule = 'tag'
        AND tag_rules.key = named_values.bare_key
        AND tag_rules.value = lower(named_values.tag_value)
)
SELECT
    named_callers.charge_date,
    named_callers.sub_account_id,
    named_callers.region_id,
    named_callers.principal,
    named_callers.principal_type,
    named_callers.principal_name,
    named_callers.session,
    named_callers.tags,
    coalesce(caller_teams.team, account_teams.team) AS team,
    named_callers.sku_meter,
    coalesce(token_meters.model, named_callers.marketplace_model) AS model,
    token_meters.token_kind,
    named_callers.quantity,
    named_callers.quantity * token_meters.million_tokens_per_unit AS million_tokens,
    named_callers.effective_cost
FROM named_callers
LEFT JOIN token_meters
    ON named_callers.sku_meter = token_meters.sku_meter
    AND coalesce(named_callers.marketplace_model, '') = coalesce(token_meters.marketplace_model, '')
LEFT JOIN caller_teams ON named_callers.tags = caller_teams.tags
LEFT JOIN account_teams
    ON named_callers.sub_account_id = account_teams.sub_account_id
    AND named_callers.charge_date >= account_teams.valid_from
    AND named_callers.charge_date < account_teams.valid_to
