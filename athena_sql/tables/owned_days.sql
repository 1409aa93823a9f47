/*
title = "Daily charges by team, use case and intent"
why   = """
Each charge is allocated to the first team that is found in this order: the owner tag of the resource, the owner tag of
the account, and the owner of the account or its OU in owners.toml. `team` is null if the charge is unallocated.
`tag_value` is the value of the owner tag, even if owners.toml does not list this value. `use_case` is the use case in
owners.toml that matches the charge; matches are tried in this order: resource, resource tag, account tag, account,
team. `intent` is the intent of the use case. For a charge without a use case, `intent` is the value of the intent tag,
or null if the charge does not have an intent tag. `provider` is the provider name on the bill, or AWS if the bill
contains no provider name. The column `charge_kind` has one of these values: usage, fee (recurring, one-time or
purchase), credit, or tax. BilledCost is the amount on the invoice; EffectiveCost is the amortized cost. The allocation
uses the tags and the OU that the account had on the day of the charge.
"""
reads = ["owner_key_days", "account_periods", "tag_values", "tag_teams", "account_teams", "plans", "plan_rules"]
[parameters]
days = 400
*/
WITH resource_use_cases AS (                                  -- the longest match wins, and a full name over a prefix
    SELECT
        resources.ResourceId,
        max_by(rules.use_case, 2 * length(rules.value) + if(rules.key IS NULL, 1, 0))
            FILTER (WHERE rules.use_case IS NOT NULL) AS use_case
    FROM (SELECT DISTINCT ResourceId FROM owner_key_days WHERE ResourceId IS NOT NULL) AS resources
    INNER JOIN plan_rules AS rules
        ON rules.rule = 'resource' AND starts_with(resources.ResourceId, rules.value)
    WHERE rules.key IS NOT NULL OR resources.ResourceId = rules.value
    GROUP BY 1
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
tag_owners AS (                                               -- one join of the charges by tags, which are wide keys
    SELECT
        known_tags.Tags,
        tag_teams.team,
        tag_teams.tag_value,
        tagged_use_cases.use_case,
        tagged_use_cases.intent
    FROM (SELECT Tags FROM tag_teams UNION SELECT Tags FROM tagged_use_cases) AS known_tags
    LEFT JOIN tag_teams ON known_tags.Tags = tag_teams.Tags
    LEFT JOIN tagged_use_cases ON known_tags.Tags = tagged_use_cases.Tags
),
account_owners AS (
    SELECT
        account_teams.sub_account_id,
        account_teams.valid_from,
        account_teams.valid_to,
        account_teams.team,
        account_teams.tag_value,
        tagged_use_cases.use_case,
        tagged_use_cases.intent
    FROM account_teams                                        -- has all accounts of account_periods, and others
    LEFT JOIN account_periods
        ON account_teams.sub_account_id = account_periods.sub_account_id
        AND account_teams.valid_from = account_periods.valid_from
    LEFT JOIN tagged_use_cases ON account_periods.tags = tagged_use_cases.Tags
),
owned_spends AS (
    SELECT
        charges.charge_date,
        charges.ProviderName,
        charges.SubAccountId,
        charges.ServiceName,
        CASE
            WHEN charges.ChargeCategory = 'Tax' THEN 'tax'
            WHEN charges.ChargeCategory = 'Credit' THEN 'credit'
            WHEN charges.ChargeCategory = 'Purchase' OR charges.ChargeFrequency IN ('Recurring', 'One-Time') THEN 'fee'
            ELSE 'usage'
        END AS charge_kind,
        coalesce(by_tag.team, by_account_period.team) AS team,
        coalesce(by_tag.tag_value, by_account_period.tag_value) AS tag_value,
        coalesce(
            resource_use_cases.use_case, by_tag.use_case, by_account_period.use_case, by_account.use_case
        ) AS named_use_case,
        coalesce(by_tag.intent, by_account_period.intent) AS tagged_intent,
        charges.EffectiveCost AS effective_cost,
        charges.BilledCost AS billed_cost
    FROM owner_key_days AS charges
    LEFT JOIN resource_use_cases ON charges.ResourceId = resource_use_cases.ResourceId
    LEFT JOIN tag_owners AS by_tag ON charges.Tags = by_tag.Tags
    LEFT JOIN account_owners AS by_account_period
        ON charges.SubAccountId = by_account_period.sub_account_id
        AND charges.charge_date >= by_account_period.valid_from
        AND charges.charge_date < by_account_period.valid_to
    LEFT JOIN plan_rules AS by_account
        ON by_account.rule = 'account' AND by_account.value = charges.SubAccountId
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND charges.charge_date < $as_of
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
