/*
title     = "Caller budget at risk"
category  = "governance"
schedule  = "daily"
steps     = ["budget_period", "reached_percent"]
why       = """
A budget for a team or account does not show which user, role or agent spends the money. In owners.toml, you can set
budgets for Bedrock callers, in tokens or money, per day or per month. For a monthly caller budget, focuswatch notifies
the owner when usage at the current pace would exceed the budget, and when usage reaches 70, 85 and 100% of the budget.
For a daily caller budget, focuswatch notifies the owner when usage reaches 70, 85 and 100% of the budget.
"""
reason    = "Usage counted toward the caller budget {budget_name} is {pace_status}: {used} of {budget} {unit} ({used_percent}%) for {budget_period}, based on charges through {last_day}. Highest usage: {main_principal}."
action    = """
1. List spend by caller: focuswatch report ai_spend_by_principal
2. Ask the owner of {main_principal} whether the usage is intentional. If one session costs much more than the other sessions, a loop or a retry storm is likely.
3. If the usage is intentional, raise the limit in [principal_budgets.{budget_name}] of owners.toml. If the usage is not intentional, deny bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream to the caller until the cause is fixed.
"""
blind_spots = [
  "This detection requires a CUR 2.0 export that contains IAM principals (option --principals of focuswatch scan). AWS has recorded the callers of Amazon Bedrock only since 2026-04-08, so earlier usage does not count toward a caller budget.",
  "Charges appear on the bill a day after the usage, so focuswatch can notify the owner only afterwards. A caller budget does not block calls. The last two days of the bill are not complete, so actual usage can be higher than the finding states.",
  "The pace is the average daily usage over the last seven complete days (days whose charges no longer change). The pace does not take weekends or planned launches into account.",
  "If AWS does not record the caller of a charge, the charge counts toward the budget of the team that owns the account, but not toward budgets for principals, roles or tags.",
]
sources   = [
  "https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-iam-principal-tracking.html",
  "https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/iam-principal-cost-allocation.html",
]
[parameters]
settle_days = 2
pace_days = 7
watched_days = 3          # number of recent days on which daily budgets are evaluated, because charges can arrive late
first_alert = 0.70
second_alert = 0.85
[needs]
charges = "ai_family = 'bedrock'"
files = ["principals"]
owners = ["principal_budgets"]
*/
WITH currencies AS (
    SELECT min(BillingCurrency) AS currency
    FROM ai_charges
    WHERE charge_date >= CAST($as_of - INTERVAL '45' DAY AS date)
),
months AS (
    SELECT CAST(date_trunc('month', CAST($as_of - INTERVAL '1' DAY AS date)) AS date) AS month_start
),
month_bounds AS (
    SELECT
        month_start,
        CAST(date_trunc('month', CAST(month_start + INTERVAL '31' DAY AS date)) AS date) AS month_end
    FROM months
),
caller_tag_values AS (
    SELECT
        tag_maps.tags,
        regexp_replace(lower(keys.tag_key), $tag_prefix, '') AS bare_key,
        lower(trim(element_at(tag_maps.tags, keys.tag_key))) AS tag_value
    FROM (SELECT DISTINCT tags FROM principal_charges) AS tag_maps
    CROSS JOIN UNNEST(map_keys(tag_maps.tags)) AS keys (tag_key)
    WHERE lower(keys.tag_key) LIKE 'iamprincipal/%'
),
tagged_budgets AS (
    SELECT DISTINCT caller_tag_values.tags, rules.budget
    FROM caller_tag_values
    INNER JOIN principal_budgets AS rules
        ON rules.rule = 'tag' AND rules.key = caller_tag_values.bare_key AND rules.value = caller_tag_values.tag_value
),
caller_usage_days AS (
    SELECT
        charge_date,
        sub_account_id,
        principal,
        principal_type,
        principal_name,
        session,
        tags,
        team,
        sum(million_tokens) AS million_tokens,
        sum(effective_cost) AS effective_cost
    FROM principal_days
    WHERE charge_date >= CAST($as_of - INTERVAL '45' DAY AS date)
        AND charge_date < $as_of
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
),
rules AS (
    SELECT DISTINCT budget, rule, value FROM principal_budgets
),
budget_usages AS (                                                         -- a caller that matches two rules counts once
    SELECT DISTINCT rules.budget, caller_usage_days.*
    FROM caller_usage_days
    LEFT JOIN tagged_budgets ON caller_usage_days.tags = tagged_budgets.tags
    INNER JOIN rules
        ON (rules.rule = 'tag' AND rules.budget = tagged_budgets.budget)
        OR (rules.rule = 'team' AND rules.value = caller_usage_days.team)
        OR (rules.rule = 'role' AND caller_usage_days.principal_type = 'role' AND rules.value = caller_usage_days.principal_name)
        OR (
            rules.rule = 'principal'
            AND (
                rules.value = caller_usage_days.principal
                OR rules.value = caller_usage_days.principal || '/' || caller_usage_days.session
                OR (caller_usage_days.principal_type <> 'role' AND rules.value = caller_usage_days.principal_name)
            )
        )
),
limits AS (
    SELECT DISTINCT budget, team, measure, period, amount FROM principal_budgets
),
principal_usages AS (
    SELECT
        limits.budget,
        limits.team,
        limits.measure,
        limits.period,
        limits.amount,
        usages.charge_date,
        coalesce(usages.principal_name, 'spend without a caller') AS principal_name,
        sum(CASE WHEN limits.measure = 'cost' THEN usages.effective_cost ELSE coalesce(usages.million_tokens, 0) END) AS used,
        sum(usages.effective_cost) AS effective_cost
    FROM budget_usages AS usages
    INNER JOIN limits ON usages.budget = limits.budget
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
settled AS (
    SELECT
        month_start,
        month_end,
        CAST($as_of - INTERVAL '1' DAY * ($settle_days + 1) AS date) AS last_settled_day
    FROM month_bounds
),
period_usages AS (
    SELECT
        usages.budget,
        usages.team,
        usages.measure,
        usages.period,
        usages.amount,
        CASE WHEN usages.period = 'day' THEN CAST(usages.charge_date AS varchar)
            ELSE substr(CAST(settled.month_start AS varchar), 1, 7)
        END AS budget_period,
        usages.principal_name,
        max(usages.charge_date) AS last_day,
        sum(CASE WHEN usages.period = 'day' OR usages.charge_date >= settled.month_start THEN usages.used ELSE 0 END)
            AS used,
        sum(CASE
            WHEN usages.period = 'day' OR usages.charge_date >= settled.month_start THEN usages.effective_cost ELSE 0
        END) AS effective_cost,
        sum(CASE
            WHEN usages.charge_date BETWEEN settled.month_start AND settled.last_settled_day THEN usages.used ELSE 0
        END) AS settled_used,
        sum(CASE
            WHEN usages.charge_date <= settled.last_settled_day
                AND date_diff('day', usages.charge_date, settled.last_settled_day) < $pace_days
                THEN usages.used ELSE 0
        END) / $pace_days AS daily_used,
        max(date_diff(
            'day',
            CASE
                WHEN settled.last_settled_day < settled.month_start THEN settled.month_start
                ELSE CAST(settled.last_settled_day + INTERVAL '1' DAY AS date)
            END,
            settled.month_end
        )) AS open_days                                                    -- of the month, after the settled ones
    FROM principal_usages AS usages
    CROSS JOIN settled
    WHERE usages.period = 'month'
        OR usages.charge_date >= CAST($as_of - INTERVAL '1' DAY * $watched_days AS date)
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
ranked_usages AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY budget, measure, period, amount, budget_period ORDER BY round(used, 6) DESC, principal_name
        ) AS place
    FROM period_usages
),
period_sums AS (
    SELECT
        budget,
        team,
        measure,
        period,
        amount,
        budget_period,
        max(last_day) AS last_day,
        max(CASE WHEN place = 1 THEN principal_name END) AS main_principal,
        sum(used) AS used,
        sum(effective_cost) AS effective_cost,
        sum(settled_used) + sum(daily_used) * max(open_days) AS month_pace
    FROM ranked_usages
    GROUP BY 1, 2, 3, 4, 5, 6
),
forecasts AS (
    SELECT
        *,
        CASE WHEN period = 'month' AND month_pace > used THEN month_pace ELSE used END AS forecast
    FROM period_sums
),
exceeded AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY budget, measure, period, amount ORDER BY budget_period DESC) AS recency
    FROM forecasts
    WHERE (period = 'month' AND round(forecast, 9) >= round(amount, 9))
        OR (period = 'day' AND round(used, 9) >= round($first_alert * amount, 9))
)
SELECT
    CAST(NULL AS varchar) AS sub_account_id,
    CAST(NULL AS varchar) AS region_id,
    'principal budget ' || budget || ', ' || measure || ' a ' || period AS resource_id,
    CASE
        WHEN forecast <= amount THEN 0E0
        WHEN measure = 'cost' THEN forecast - amount
        ELSE (forecast - amount) * coalesce(effective_cost / nullif(used, 0), 0)
    END AS monthly_cost,
    team,
    budget AS budget_name,
    measure,
    period,
    amount AS budget,
    CASE WHEN measure = 'cost' THEN currencies.currency ELSE 'million tokens' END AS unit,
    used,
    used / amount * 100 AS used_percent,
    CASE
        WHEN round(used, 9) >= round(amount, 9) THEN 100E0
        WHEN round(used, 9) >= round($second_alert * amount, 9) THEN 85E0
        WHEN round(used, 9) >= round($first_alert * amount, 9) THEN 70E0
        ELSE 0E0
    END AS reached_percent,
    forecast,
    CASE
        WHEN round(used, 9) >= round(amount, 9) THEN 'over the budget'
        WHEN period = 'day' THEN 'close to the budget'
        ELSE 'on pace to exceed the budget'
    END AS pace_status,
    main_principal,
    budget_period,
    last_day,
    false AS not_evaluated,
    CAST(NULL AS varchar) AS lacks_input
FROM exceeded
CROSS JOIN currencies
WHERE recency = 1
UNION ALL
SELECT
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    0E0,
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    CAST(NULL AS double),
    CAST(NULL AS varchar),
    CAST(NULL AS double),
    CAST(NULL AS double),
    CAST(NULL AS double),
    CAST(NULL AS double),
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    last_caller_day,
    true,
    lacks_input
FROM callers_not_evaluated
WHERE EXISTS (SELECT 1 FROM principal_budgets)
ORDER BY monthly_cost DESC, resource_id
