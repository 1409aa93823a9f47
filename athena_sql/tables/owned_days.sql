/*
title = "Charges by day with team, use case and intent"
why   = """
Each charge is allocated by the tag of the resource, then by the tag of the account, then by the account or OU in
owners.toml. `team` is null if the charge is unallocated. `tag_value` is the value of the owner tag, even if owners.toml
does not list this value. `use_case` is the first match in owners.toml by resource, resource tag, account tag, account,
and team. `intent` is the intent of the use case; for a charge without a use case, `intent` is the value of the intent
tag, or null without such a tag. `provider` is the provider name on the bill, or AWS if the bill contains no provider
name. `charge_kind` is usage, fee (recurring, one-time or purchase), credit or tax. BilledCost matches the invoice;
EffectiveCost is the amortized cost of usage. The tags and the OU of an account are those of the day of the charge.
"""
reads = ["named_days", "account_periods", "tag_values", "tag_teams", "account_teams", "plans", "plan_rules"]
[parameters]
days = 400
*/
WITH resource_use_cases AS (                                  -- the longest match wins, and a full name over a prefix
    SELECT
        resources.ResourceId,
        max_by(rules.use_case, 2 * length(rules.value) + if(rules.key IS NULL, 1, 0))
            FILTER (WHERE rules.use_case IS NOT NULL) AS use_case
    FROM (SELECT DISTINCT ResourceId FROM named_days WHERE ResourceId IS NOT NULL) AS resources
    INNER JOIN plan_rules AS rules
        ON rules.rule = 'resource' AND starts_with(resources.ResourceId, rules.value)
    WHERE rules.key IS NOT NULL OR resources.ResourceId = rules.value
    GROUP BY 1
),
spends AS (
    SELECT
        charges.charge_date,
        charges.ProviderName,
        charges.SubAccountId,
        charges.ServiceName,
        charges.Tags,
        resource_use_cases.use_case,
        CASE
            WHEN charges.ChargeCategory = 'Tax' THEN 'tax'
            WHEN charges.ChargeCategory = 'Credit' THEN 'credit'
            WHEN charges.ChargeCategory = 'Purchase' OR charges.ChargeFrequency IN ('Recurring', 'One-Time') THEN 'fee'
            ELSE 'usage'
        END AS charge_kind,
        sum(charges.EffectiveCost) AS effective_cost,
        sum(charges.BilledCost) AS billed_cost
    FROM named_days AS charges
    LEFT JOIN resource_use_cases ON charges.ResourceId = resource_use_cases.ResourceId
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND charges.charge_date < $as_of
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
tagged_use_cases AS (
    SELECT
        tag_values.Tags,
        min_by(rules.use_case, rules.place) FILTER (WHERE rules.rule = 'tag') AS use_case,
        min_by(lower(tag_values.tag_value), rules.place) FILTER (WHERE rules.rule = 'intent_key') AS intent
    FROM tag_values
    INNER JOIN plan_rules AS rules
        ON rules.key = tag_values.bare_key
        AND (
            (rules.rule = 'tag' AND rules.value = lower(tag_values.tag_value))
            OR (
                rules.rule = 'intent_key'
                AND lower(tag_values.tag_value) IN ('experiment', 'production', 'sandbox', 'shared')
            )
        )
    GROUP BY 1
),
owned_spends AS (
    SELECT
        spends.*,
        coalesce(tag_teams.team, account_teams.team) AS team,
        coalesce(tag_teams.tag_value, account_teams.tag_value) AS tag_value,
        coalesce(spends.use_case, by_tag.use_case, by_account_tag.use_case, by_account.use_case) AS named_use_case,
        coalesce(by_tag.intent, by_account_tag.intent) AS tagged_intent
    FROM spends
    LEFT JOIN tag_teams ON spends.Tags = tag_teams.Tags
    LEFT JOIN account_teams
        ON spends.SubAccountId = account_teams.sub_account_id
        AND spends.charge_date >= account_teams.valid_from
        AND spends.charge_date < account_teams.valid_to
    LEFT JOIN tagged_use_cases AS by_tag ON spends.Tags = by_tag.Tags
    LEFT JOIN account_periods AS accounts
        ON spends.SubAccountId = accounts.sub_account_id
        AND spends.charge_date >= accounts.valid_from
        AND spends.charge_date < accounts.valid_to
    LEFT JOIN tagged_use_cases AS by_account_tag ON accounts.tags = by_account_tag.Tags
    LEFT JOIN plan_rules AS by_account
        ON by_account.rule = 'account' AND by_account.value = spends.SubAccountId
)
SELECT
    owned_spends.charge_date,
    coalesce(trim(owned_spends.ProviderName), 'AWS') AS provider,
    owned_spends.SubAccountId AS sub_account_id,
    owned_spends.ServiceName AS service_name,
    owned_spends.charge_kind,
    owned_spends.team,
    owned_spends.tag_value,
    plans.plan AS use_case,
    coalesce(plans.intent, owned_spends.tagged_intent) AS intent,
    sum(owned_spends.effective_cost) AS effective_cost,
    sum(owned_spends.billed_cost) AS billed_cost
FROM owned_spends
LEFT JOIN plan_rules AS by_team ON by_team.rule = 'team' AND by_team.value = owned_spends.team
LEFT JOIN plans
    ON plans.kind = 'use case' AND plans.plan = coalesce(owned_spends.named_use_case, by_team.use_case)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
